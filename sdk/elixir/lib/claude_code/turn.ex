defmodule ClaudeCode.Turn do
  @moduledoc false
  # One prompt and the turn that serves it, as a stream. Nothing is sent before it is read from.
  alias ClaudeCode.Shape
  alias Tenure.{Connection, Error, Follow}

  @known [:include_partial_messages, :can_use_tool, :model, :effort, :id, :delivery]

  def stream(handle_of, prompt, options) do
    Stream.flat_map([:begin], fn :begin ->
      with {:ok, handle} <- handle_of.(),
           :ok <- Error.refuse_unknown("stream", options, @known),
           {:ok, state} <- admit(handle, prompt, options) do
        state |> events() |> Stream.transform(fn -> state end, &step/2, &ending/1, fn _ -> :ok end)
      else
        {:error, error} -> raise error
      end
    end)
  end

  defp admit(handle, prompt, options) do
    body = %{input: prompt, id: options[:id] || Connection.id("in"), wait: "accepted"}

    given =
      for name <- [:model, :effort, :delivery],
          options[name] != nil,
          into: %{},
          do: {name, to_string(options[name])}

    body = Map.merge(body, given)

    with {:ok, receipt} <- call(handle, "POST", ["inputs"], body: body, key: false) do
      option = fn name -> Keyword.get(options, name, handle.options[name]) end

      {:ok,
       %{
         handle: handle,
         body: body,
         after: receipt["seq"],
         turn: nil,
         native: nil,
         said: %{},
         tasks: %{},
         partial: option.(:include_partial_messages) == true,
         ask: option.(:can_use_tool),
         begun: System.monotonic_time(:millisecond)
       }}
    end
  end

  # Its last event is the one that ends the turn of this input.
  defp events(%{handle: handle, body: %{id: id}} = state) do
    ours = fn
      %{"type" => "turn.completed", "data" => data} -> id in (data["input_ids"] || [])
      %{"type" => "input.cancelled", "data" => data} -> data["input_id"] == id
      _ -> false
    end

    Follow.events(handle.connection, handle.id, after: state.after, deltas: state.partial, until: ours)
  end

  defp step(%{"type" => "input.started", "data" => %{"input_id" => id} = data}, %{body: %{id: id}} = state) do
    {[], %{state | turn: data["turn_id"], native: state.native || native(state.handle)}}
  end

  defp step(
         %{"type" => "input.cancelled", "data" => %{"input_id" => id, "reason" => reason}},
         %{body: %{id: id}} = state
       ) do
    # Whoever asks how its turn ended is told why the session failed.
    if reason in ["failed", "closed", "destroyed"],
      do: {[], state},
      else: raise(Error.new(:cancelled, "the input was taken back: #{reason}"))
  end

  # A task may have begun before this turn, and ends when it likes.
  defp step(%{"type" => "task." <> what, "data" => %{"task_id" => id} = data}, state)
       when what in ["started", "progressed", "completed"] do
    state = if data["tool_id"], do: put_in(state.tasks[id], data["tool_id"]), else: state
    {[Shape.task(what, data, state.tasks[id], state.native)], state}
  end

  defp step(%{"turn_id" => turn, "data" => data} = event, %{turn: turn} = state) when turn != nil,
    do: told(event["type"], data, state)

  defp step(_, state), do: {[], state}

  defp told("message.delta", %{"parent_tool_id" => parent}, state) when parent != nil, do: {[], state}

  defp told("message.delta", data, state) do
    had = Map.get(state.said, data["part_id"], 0)

    # One before it was missed: the end of the message brings both.
    if data["offset"] > had do
      {[], state}
    else
      text = data["text"] |> scalars() |> Enum.drop(had - data["offset"])
      state = put_in(state.said[data["part_id"]], had + length(text))
      {pieces(data["kind"], text, data, state), state}
    end
  end

  defp told("message.completed", %{"role" => "assistant"} = data, state) do
    # Calls of tools are told when they begin.
    parts = for part <- data["parts"], part["type"] in ["text", "thought"], do: whole(part, state.handle)

    {rest, state} =
      if state.partial, do: Enum.flat_map_reduce(parts, state, &rest(&1, data, &2)), else: {[], state}

    said = if parts == [], do: [], else: [Shape.assistant(data, parts, state.native)]
    {rest ++ said, state}
  end

  defp told("tool.started", data, state), do: {[Shape.tool_use(data, state.native)], state}
  defp told("tool.completed", data, state), do: {[Shape.tool_result(data, state.native)], state}

  defp told("ask.opened", %{"kind" => "permission"} = ask, %{ask: decide} = state) when decide != nil do
    tool = %{tool_name: ask["tool"], input: ask["input"], title: ask["title"], ask_id: ask["id"]}
    body = if is_atom(decide), do: decide.call(tool, ask["tool_id"]), else: decide.(tool, ask["tool_id"])

    case Connection.call(state.handle.connection, "POST", Connection.path(["asks", ask["id"]]),
           body: ClaudeCode.Decision.body(body)
         ) do
      {:ok, _} -> {[], state}
      # Somebody else was first, or it was withdrawn.
      {:error, %Error{code: :conflict}} -> {[], state}
      {:error, error} -> raise error
    end
  end

  defp told(_, _, state), do: {[], state}

  defp rest(%{"id" => id, "text" => text} = part, data, state) do
    left = text |> scalars() |> Enum.drop(Map.get(state.said, id, 0))
    data = Map.put(data, "part_id", id)
    state = put_in(state.said[id], Map.get(state.said, id, 0) + length(left))
    {pieces(part["type"], left, data, state), state}
  end

  defp pieces(_, [], _, _), do: []
  defp pieces(kind, text, data, state), do: [Shape.piece(kind, List.to_string(text), data, state.native)]

  # Offsets count Unicode scalar values.
  defp scalars(text), do: String.to_charlist(text)

  defp whole(%{"blob" => hash} = part, handle) when hash != nil do
    case Connection.bytes(handle.connection, Connection.path(["sessions", handle.id, "blobs", hash])) do
      {:ok, bytes} -> %{part | "text" => bytes}
      {:error, error} -> raise error
    end
  end

  defp whole(part, _), do: part

  defp ending(state) do
    body = Map.put(state.body, :wait, "finished")

    case call(state.handle, "POST", ["inputs"], body: body, key: false, wait_ms: :infinity) do
      {:ok, result} ->
        took = System.monotonic_time(:millisecond) - state.begun
        {[Shape.result(result, native(state.handle) || state.native, took)], state}

      {:error, error} ->
        raise error
    end
  end

  defp native(handle),
    do: with({:ok, session} <- call(handle, "GET", []), do: session["native_id"], else: (_ -> nil))

  defp call(handle, method, path, options \\ []),
    do: Connection.call(handle.connection, method, Connection.path(["sessions", handle.id | path]), options)
end

defmodule ClaudeCode.Decision do
  @moduledoc """
  What `:can_use_tool` may give: `:allow`, `{:allow, updated_input: map}`, `:deny`, `{:deny, "why"}`, `{:deny, message: "why"}`. It is a function
  of a map (`tool_name`, `input`, `title`, `ask_id`) and the call's id, or a module with `call/2`. Without one, asks wait for other clients.
  """
  alias Tenure.Error

  @doc "The answer as the daemon takes it."
  @spec body(term()) :: map()
  def body(:allow), do: %{decision: "allow"}

  def body({:allow, more}),
    do:
      with(
        input when input != nil <- Keyword.get(more, :updated_input),
        do: %{decision: "allow", updated_input: input},
        else: (_ -> body(:allow))
      )

  def body(:deny), do: %{decision: "deny"}
  def body({:deny, why}) when is_binary(why), do: %{decision: "deny", message: why}

  def body({:deny, more}) when is_list(more),
    do: if(more[:message], do: body({:deny, more[:message]}), else: body(:deny))

  def body(other), do: raise(Error.new(:usage, "`can_use_tool` gave #{inspect(other)}: give :allow or :deny"))
end
