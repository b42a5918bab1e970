defmodule Tenure.Wire do
  @moduledoc """
  One request on one connection, by a Unix socket or TCP, read as it comes. The socket belongs to the process that asks
  and goes with it.

  Not `:httpc`: it shares connections between callers, so that a short question waits behind one whose answer takes
  as long as a turn.
  """
  alias Tenure.Error

  @connect_ms 5_000
  @most_head 65_536
  @most_fields 100
  @line_ms 120_000

  defstruct [:socket, :buffer, :body, :status, :headers]

  @type place :: {:local, String.t()} | {:tcp, charlist(), :inet.port_number(), String.t()}
  @type t :: %__MODULE__{}

  @doc "Sends a request and reads the head of its answer, for which it waits `wait_ms`."
  @spec open(place(), String.t(), String.t(), [{String.t(), String.t()}], iodata() | nil, timeout()) ::
          {:ok, t()} | {:error, Error.t()}
  def open(place, method, target, headers, body, wait_ms) do
    with {:ok, socket} <- connect(place) do
      wire = %__MODULE__{socket: socket, buffer: ""}

      with :ok <- :gen_tcp.send(socket, request(place, method, target, headers, body)),
           {:ok, wire} <- head(wire, deadline(wait_ms)) do
        {:ok, wire}
      else
        {:error, reason} ->
          :gen_tcp.close(socket)
          {:error, lost(reason)}
      end
    end
  end

  @doc "More of the body: `{:ok, bytes, wire}`, `:eof` at its end."
  @spec read(t(), timeout()) :: {:ok, binary(), t()} | :eof | {:error, Error.t()}
  def read(wire, wait_ms) do
    case more(wire, deadline(wait_ms)) do
      {:error, reason} -> {:error, lost(reason)}
      other -> other
    end
  end

  @doc "The whole body, and the connection is closed."
  @spec all(t(), timeout()) :: {:ok, binary()} | {:error, Error.t()}
  def all(wire, wait_ms), do: all(wire, wait_ms, [])

  defp all(wire, wait_ms, pieces) do
    case read(wire, wait_ms) do
      {:ok, piece, wire} -> all(wire, wait_ms, [pieces | piece])
      :eof -> close(wire) && {:ok, IO.iodata_to_binary(pieces)}
      {:error, error} -> close(wire) && {:error, error}
    end
  end

  @doc "Lets go of the connection."
  @spec close(t()) :: true
  def close(wire) do
    :gen_tcp.close(wire.socket)
    true
  end

  defp connect(place) do
    options = [:binary, active: false, packet: :raw, nodelay: true]

    connected =
      case place do
        {:local, path} ->
          :gen_tcp.connect({:local, path}, 0, List.delete(options, {:nodelay, true}), @connect_ms)

        {:tcp, host, port, _} ->
          :gen_tcp.connect(host, port, family(host) ++ options, @connect_ms)
      end

    with {:error, reason} <- connected, do: {:error, lost(reason)}
  end

  defp family(host), do: if(?: in host, do: [:inet6], else: [])

  defp request(place, method, target, headers, body) do
    host = with {:tcp, _, _, authority} <- place, do: authority
    host = if is_binary(host), do: host, else: "localhost"
    length = if body, do: [{"content-length", Integer.to_string(IO.iodata_length(body))}], else: []
    lines = [{"host", host}, {"connection", "close"} | length] ++ headers
    head = for {name, value} <- lines, do: [name, ": ", value, "\r\n"]
    [method, " ", target, " HTTP/1.1\r\n", head, "\r\n", body || ""]
  end

  defp head(wire, deadline) do
    case :erlang.decode_packet(:http_bin, wire.buffer, []) do
      {:ok, {:http_response, _, status, _}, rest} ->
        fields(%{wire | buffer: rest, status: status, headers: %{}}, deadline)

      {:ok, _, _} ->
        {:error, :no_http}

      {:error, _} ->
        {:error, :no_http}

      {:more, _} ->
        with {:ok, wire} <- fill(wire, deadline), do: head(wire, deadline)
    end
  end

  defp fields(wire, deadline) do
    case :erlang.decode_packet(:httph_bin, wire.buffer, []) do
      {:ok, :http_eoh, rest} ->
        {:ok, %{wire | buffer: rest, body: kind(wire.headers)}}

      {:ok, {:http_header, _, name, _, value}, rest}
      when map_size(wire.headers) < @most_fields and byte_size(value) < @most_head ->
        headers = Map.put(wire.headers, name |> to_string() |> String.downcase(), value)
        fields(%{wire | buffer: rest, headers: headers}, deadline)

      {:more, _} ->
        with {:ok, wire} <- fill(wire, deadline), do: fields(wire, deadline)

      _ ->
        {:error, :no_http}
    end
  end

  defp kind(%{"transfer-encoding" => "chunked"}), do: :chunked

  defp kind(%{"content-length" => length}) do
    case Integer.parse(length) do
      {bytes, ""} when bytes >= 0 -> {:left, bytes}
      _ -> :to_end
    end
  end

  defp kind(_), do: :to_end

  defp more(%{body: {:left, 0}}, _), do: :eof
  defp more(%{body: :over}, _), do: :eof

  defp more(%{body: {:left, left}, buffer: buffer} = wire, _) when buffer != "" do
    piece = binary_part(buffer, 0, min(left, byte_size(buffer)))
    rest = binary_part(buffer, byte_size(piece), byte_size(buffer) - byte_size(piece))
    {:ok, piece, %{wire | buffer: rest, body: {:left, left - byte_size(piece)}}}
  end

  defp more(%{body: :to_end, buffer: buffer} = wire, _) when buffer != "",
    do: {:ok, buffer, %{wire | buffer: ""}}

  # What is left of a chunk, then the line end behind it.
  defp more(%{body: {:chunk, 0}, buffer: "\r\n" <> rest} = wire, deadline),
    do: more(%{wire | buffer: rest, body: :chunked}, deadline)

  defp more(%{body: {:chunk, left}, buffer: buffer} = wire, _) when left > 0 and buffer != "" do
    piece = binary_part(buffer, 0, min(left, byte_size(buffer)))
    rest = binary_part(buffer, byte_size(piece), byte_size(buffer) - byte_size(piece))
    {:ok, piece, %{wire | buffer: rest, body: {:chunk, left - byte_size(piece)}}}
  end

  defp more(%{body: :chunked, buffer: buffer} = wire, deadline) do
    with [line, rest] <- String.split(buffer, "\r\n", parts: 2),
         {size, _} <- Integer.parse(line, 16) do
      if size == 0, do: :eof, else: more(%{wire | buffer: rest, body: {:chunk, size}}, deadline)
    else
      :error -> {:error, :no_http}
      [_] -> again(wire, deadline)
    end
  end

  defp more(wire, deadline), do: again(wire, deadline)

  defp again(wire, deadline) do
    case fill(wire, deadline) do
      {:ok, wire} -> more(wire, deadline)
      {:error, :closed} when wire.body == :to_end -> :eof
      {:error, reason} -> {:error, reason}
    end
  end

  defp fill(wire, deadline) do
    if wire.body == nil and byte_size(wire.buffer) > @most_head do
      {:error, :no_http}
    else
      case :gen_tcp.recv(wire.socket, 0, left(deadline)) do
        {:ok, bytes} -> {:ok, %{wire | buffer: wire.buffer <> bytes}}
        {:error, reason} -> {:error, reason}
      end
    end
  end

  defp deadline(:infinity), do: :infinity
  defp deadline(ms), do: System.monotonic_time(:millisecond) + ms
  defp left(:infinity), do: :infinity
  defp left(deadline), do: max(deadline - System.monotonic_time(:millisecond), 0)

  @doc "What an ordinary answer may take, in milliseconds."
  def usual_ms, do: @line_ms

  defp lost(%Error{} = error), do: error
  defp lost(:timeout), do: Error.new(:timeout, "the daemon did not answer in time")
  defp lost(:no_http), do: Error.new(:unintelligible, "what answers is no Tenure daemon: it speaks no HTTP")
  defp lost(reason), do: Error.new(:unreachable, "no daemon answers: #{:inet.format_error(reason)}")
end
