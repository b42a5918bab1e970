defmodule Tenure.Follow do
  @moduledoc """
  A session's events as a stream, each numbered one once and in order, over lost connections and restarts of the daemon. It
  keeps no events: a reader that is slow slows the socket, and one that stops reading lets go of it.
  """
  alias Tenure.{Connection, Error, Json, Wire}

  # The daemon says something every 15 s.
  @silence_ms 45_000
  @patience_ms 60_000
  @pauses [25, 50, 100, 250, 500, 1_000, 2_000]
  @most_frame 80_000_000

  @doc """
  Events after a number; with `deltas: true` also pieces of what is being written; with `types: ["turn.*"]` those alone. The event for which
  `until` holds is the last.
  """
  @spec events(Connection.t(), String.t(), keyword()) :: Enumerable.t()
  def events(connection, session, options) do
    start = %{
      connection: connection,
      session: session,
      after: options[:after] || 0,
      deltas: options[:deltas] || false,
      types: options[:types] && Enum.join(options[:types], ","),
      until: options[:until] || fn _ -> false end
    }

    Stream.resource(
      fn -> Map.merge(start, %{wire: nil, rest: "", lost_since: nil, pauses: @pauses, over: false}) end,
      &next/1,
      fn state -> state.wire && Wire.close(state.wire) end
    )
  end

  defp next(%{over: true} = state), do: {:halt, state}

  defp next(%{wire: nil} = state) do
    path = Connection.path(["sessions", state.session, "events", "stream"])
    query = %{"after" => state.after, "deltas" => state.deltas, "types" => state.types}
    headers = [{"accept", "text/event-stream"}]

    case Connection.open(state.connection, "GET", path, query, headers, nil, @silence_ms) do
      {:ok, wire} -> {[], %{state | wire: wire, rest: "", lost_since: nil}}
      {:error, error} -> lose(state, error)
    end
  end

  defp next(state) do
    case Wire.read(state.wire, @silence_ms) do
      {:ok, bytes, wire} -> grow(%{state | wire: wire, rest: [state.rest | bytes]}, bytes)
      :eof -> lose(state, Error.new(:unreachable, "the daemon was stopped"))
      {:error, error} -> lose(state, error)
    end
  end

  # The beginning of a frame that was cut off comes again.
  defp lose(state, error) do
    if state.wire, do: Wire.close(state.wire)
    now = System.monotonic_time(:millisecond)
    since = state.lost_since || now

    if error.code in [:unreachable, :not_ready, :not_started, :timeout] and
         now - since < (state.connection.patience_ms || @patience_ms) do
      {wait, pauses} =
        with [last] <- state.pauses, do: {last, [last]}, else: ([first | more] -> {first, more})

      Process.sleep(wait)
      {[], %{state | wire: nil, rest: "", lost_since: since, pauses: pauses}}
    else
      raise error
    end
  end

  # A frame ends in an empty line; a piece without a newline cannot end one.
  defp grow(state, bytes) do
    if IO.iodata_length(state.rest) > @most_frame,
      do: raise(Error.new(:unintelligible, "a frame of over 80 MB"))

    if String.contains?(bytes, "\n"), do: frames(state), else: {[], state}
  end

  defp frames(state) do
    {whole, [rest]} = state.rest |> IO.iodata_to_binary() |> String.split(~r/\r?\n\r?\n/) |> Enum.split(-1)
    {events, state} = whole |> Enum.flat_map(&read/1) |> Enum.flat_map_reduce(state, &take/2)
    {events, %{state | rest: rest}}
  end

  defp take(_, %{over: true} = state), do: {[], state}
  defp take({nil, event}, state), do: {[event], state}

  defp take({number, event}, state) when number > state.after do
    over = event["type"] == "session.destroyed" or state.until.(event)
    {[event], %{state | after: number, pauses: @pauses, over: over}}
  end

  defp take(_, state), do: {[], state}

  defp read(block) do
    lines = String.split(block, ~r/\r?\n/)

    field = fn name ->
      for(line <- lines, [^name, value] <- [String.split(line, ":", parts: 2)], do: value)
    end

    case field.("data") do
      [] ->
        []

      data ->
        case Json.decode(Enum.join(data, "\n")) do
          {:ok, %{"seq" => seq} = event} when is_integer(seq) -> [{seq, event}]
          {:ok, %{"from" => _, "to" => to} = gap} -> [{to, %{"type" => "gap", "data" => gap}}]
          {:ok, event} -> [{nil, event}]
          :error -> raise Error.new(:unintelligible, "a frame of the stream cannot be read")
        end
    end
  end
end
