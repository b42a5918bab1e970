defmodule Tenure.Conformance.Ask do
  @moduledoc """
  What is asked of the daemon: each step's word as a call. A turn is a stream of `ClaudeCode.Session`; what that module has no
  function for is asked of the connection below it.
  """
  alias ClaudeCode.{Stream, Turn}
  alias ClaudeCode.Content.{ToolResultBlock, ToolUseBlock}
  alias ClaudeCode.Message.{AssistantMessage, UserMessage}
  alias Tenure.{Connection, Error, Json, Wire}

  @limit_ms 60_000
  @verbs ~w(interrupt suspend resume close kill clear compact)

  @doc "The outcome of a step, or the error that it is."
  @spec ask(Connection.t(), String.t() | nil, String.t(), map()) :: {:ok, term()} | {:error, Error.t()}
  def ask(to, _, "create", args), do: call(to, "POST", ["sessions"], body: args)
  def ask(to, _, "list", args), do: all(to, ["sessions"], args)
  def ask(to, _, "info", _), do: call(to, "GET", ["info"])
  def ask(to, _, "agents", _), do: all(to, ["agents"], %{})

  def ask(to, _, what, _) when what in ~w(projects processes tokens workspaces), do: all(to, [what], %{})
  def ask(to, _, "all_asks", _), do: all(to, ["asks"], %{"state" => "open"})

  def ask(to, _, "answer", %{"ask_id" => ask} = args),
    do: call(to, "POST", ["asks", ask], body: Map.delete(args, "ask_id"))

  def ask(to, _, "reap", _),
    do: with({:ok, %{"items" => items}} <- call(to, "POST", ["processes", "reap"]), do: {:ok, items})

  def ask(to, _, "create_token", args), do: call(to, "POST", ["tokens"], body: args)
  def ask(to, _, "remove_token", args), do: call(to, "DELETE", ["tokens", args["name"]])
  def ask(to, _, "register_project", args), do: call(to, "POST", ["projects"], body: args)
  def ask(to, _, "workspace", args), do: call(to, "GET", ["workspaces", args["id"]])
  def ask(to, _, "diff_workspace", args), do: call(to, "GET", ["workspaces", args["id"], "diff"])

  def ask(to, _, what, %{"id" => id} = args) when what in ~w(merge_workspace discard_workspace) do
    verb = String.trim_trailing(what, "_workspace")
    call(to, "POST", ["workspaces", id, verb], body: Map.delete(args, "id"))
  end

  def ask(to, _, "index", args), do: call(to, "GET", ["index"], query: args)
  def ask(to, _, "rebuild_index", _), do: call(to, "POST", ["index", "rebuild"])
  def ask(to, _, "history", args), do: all(to, ["history"], args)
  def ask(to, _, "search", args), do: all(to, ["search"], args)
  def ask(to, _, "usage", args), do: call(to, "GET", ["usage"], query: args)

  def ask(to, _, "adopt", args),
    do: call(to, "POST", past(args) ++ ["adopt"], body: Map.drop(args, ["agent", "native_id"]))

  def ask(to, _, "past", args), do: call(to, "GET", past(args))
  def ask(to, _, "past_messages", args), do: all(to, past(args) ++ ["messages"], Map.take(args, ["limit"]))

  def ask(to, _, "past_transcript", args),
    do: bytes(to, past(args) ++ ["transcript"], Map.take(args, ["format"]))

  def ask(to, id, what, args) when is_binary(id), do: of_session(to, ["sessions", id], what, args)
  def ask(_, _, what, _), do: raise("no session for #{what}")

  defp past(args), do: ["history", args["agent"], args["native_id"]]

  defp of_session(to, at, "get", _), do: call(to, "GET", at)
  defp of_session(to, at, "update", args), do: call(to, "PATCH", at, body: args)
  defp of_session(to, at, "destroy", args), do: call(to, "DELETE", at, query: args)
  defp of_session(to, at, "fork", args), do: call(to, "POST", at ++ ["fork"], body: args)
  defp of_session(to, at, "send", args), do: said(to, List.last(at), args)

  defp of_session(to, at, "enqueue", args) do
    body = Map.merge(%{"id" => Connection.id("in"), "wait" => "accepted"}, args)
    call(to, "POST", at ++ ["inputs"], body: body, key: false)
  end

  defp of_session(to, at, "cancel", %{"input_id" => id}), do: call(to, "DELETE", at ++ ["inputs", id])

  defp of_session(to, at, "edit", %{"input_id" => id} = args),
    do: call(to, "PATCH", at ++ ["inputs", id], body: Map.take(args, ["input"]))

  defp of_session(to, at, "events", args), do: all(to, at ++ ["events"], listed(args), "after")
  defp of_session(to, at, "messages", args), do: all(to, at ++ ["messages"], args)
  defp of_session(to, at, "transcript", args), do: bytes(to, at ++ ["transcript"], args)
  defp of_session(to, at, "asks", _), do: all(to, at ++ ["asks"], %{"state" => "open"})

  defp of_session(to, at, what, _) when what in ~w(inputs todos tasks artifacts),
    do: all(to, at ++ [what], %{})

  defp of_session(to, at, what, _) when what in ~w(capabilities metrics process),
    do: call(to, "GET", at ++ [what])

  defp of_session(to, at, "rows", args),
    do: all(to, at ++ ["events"], Map.put(args, "format", "acp"), "after")

  defp of_session(to, at, "raw", _),
    do: with({:ok, page} <- call(to, "GET", at ++ ["raw"]), do: {:ok, page["items"]})

  defp of_session(to, at, "blob", args), do: bytes(to, at ++ ["blobs", args["hash"]], nil)
  defp of_session(to, at, "mcp", _), do: all(to, at ++ ["mcp"], %{})
  defp of_session(to, at, "set_mcp", args), do: call(to, "PUT", at ++ ["mcp"], body: args)

  defp of_session(to, at, what, %{"name" => name}) when what in ~w(reconnect_mcp enable_mcp disable_mcp),
    do: call(to, "POST", at ++ ["mcp", name, String.trim_trailing(what, "_mcp")], body: %{})

  defp of_session(to, at, "task", args), do: call(to, "GET", at ++ ["tasks", args["task_id"]])

  defp of_session(to, at, "stop_task", args),
    do: call(to, "POST", at ++ ["tasks", args["task_id"], "stop"], body: %{})

  defp of_session(to, at, "rewind", args), do: call(to, "POST", at ++ ["rewind"], body: args)
  defp of_session(to, at, "undo_rewind", args), do: call(to, "POST", at ++ ["rewind", "undo"], body: args)
  defp of_session(to, at, verb, args) when verb in @verbs, do: call(to, "POST", at ++ [verb], body: args)
  defp of_session(to, at, "config", args) when args == %{}, do: call(to, "GET", at ++ ["config"])
  defp of_session(to, at, "config", args), do: call(to, "PATCH", at ++ ["config"], body: args)

  defp of_session(to, at, "command", %{"name" => name} = args) do
    body = %{args: args["args"], id: Connection.id("in"), wait: "finished"}
    call(to, "POST", at ++ ["commands", name], body: body, key: false)
  end

  defp of_session(to, at, what, args), do: of_work(to, at, what, args)

  defp of_work(to, at, "exec", args), do: call(to, "POST", at ++ ["exec"], body: args)
  defp of_work(to, at, "exec_stream", args), do: exec_stream(to, at, args)
  defp of_work(to, at, "read_file", args), do: bytes(to, at ++ ["files"], args)
  defp of_work(to, at, "remove_file", args), do: call(to, "DELETE", at ++ ["files"], query: args)

  defp of_work(to, at, "make_directory", args),
    do: call(to, "PUT", at ++ ["files"], query: Map.put(args, "directory", true))

  defp of_work(to, at, "stat_file", args), do: call(to, "GET", at ++ ["files", "stat"], query: args)
  defp of_work(to, at, "list_files", args), do: all(to, at ++ ["files", "list"], args)
  defp of_work(to, at, "find_files", args), do: all(to, at ++ ["files", "find"], args)
  defp of_work(to, at, "grep_files", args), do: all(to, at ++ ["files", "grep"], args)

  defp of_work(to, at, "write_file", %{"text" => text} = args),
    do: put(to, at ++ ["files"], Map.delete(args, "text"), text)

  defp of_work(to, at, "keep_artifact", %{"key" => key, "text" => text}),
    do: put(to, at ++ ["artifacts", key], nil, text)

  defp of_work(to, at, "keep_artifact", %{"key" => key} = args),
    do: call(to, "PUT", at ++ ["artifacts", key], body: Map.take(args, ["path"]))

  defp of_work(to, at, "read_artifact", %{"key" => key} = args),
    do: bytes(to, at ++ ["artifacts", key], Map.take(args, ["version"]))

  defp of_work(to, at, "checkpoints", args), do: all(to, at ++ ["checkpoints"], args)

  defp of_work(to, at, "diff_checkpoint", args),
    do: call(to, "GET", at ++ ["checkpoints", args["id"], "diff"])

  defp of_work(to, at, "create_checkpoint", args), do: call(to, "POST", at ++ ["checkpoints"], body: args)

  defp of_work(to, at, "restore_checkpoint", %{"id" => point} = args),
    do: call(to, "POST", at ++ ["checkpoints", point, "restore"], body: Map.delete(args, "id"))

  defp of_work(_, _, what, _), do: raise("a step #{what}")

  # A turn, as `Session.stream/3` has it.
  defp said(to, id, %{"input" => input} = args) do
    messages = {:ok, %{connection: to, id: id, options: []}} |> turn(input, args) |> Enum.to_list()
    text = messages |> Stream.text_deltas() |> Enum.join()
    thought = messages |> Stream.thinking_deltas() |> Enum.join()
    {:ok, %{"text" => text, "thought" => thought, "tools" => tools(messages), "result" => result(messages)}}
  rescue
    error in Error -> {:error, error}
  end

  defp turn(handle, input, args) do
    {:ok, left} = Agent.start_link(fn -> args["answers"] || [] end)

    decide = fn _, _ ->
      case Agent.get_and_update(left, &List.pop_at(&1, 0)) do
        %{"decision" => "allow"} -> :allow
        %{"decision" => "deny", "message" => why} -> {:deny, why}
        %{"decision" => "deny"} -> :deny
      end
    end

    options =
      for name <- ["id", "model", "delivery"], args[name] != nil, do: {String.to_atom(name), args[name]}

    asks = if args["answers"], do: [can_use_tool: decide], else: []
    Turn.stream(fn -> handle end, input, [include_partial_messages: true] ++ asks ++ options)
  end

  defp tools(messages) do
    blocks =
      Enum.flat_map(messages, fn
        %AssistantMessage{message: %{content: content}} -> content
        %UserMessage{message: %{content: content}} -> content
        _ -> []
      end)

    names = for %ToolUseBlock{id: id, name: name} <- blocks, into: %{}, do: {id, name}

    Enum.flat_map(blocks, fn
      %ToolUseBlock{name: name} -> ["started #{name}"]
      %ToolResultBlock{tool_use_id: id} -> ["completed #{names[id]}"]
      _ -> []
    end)
  end

  defp result(messages) do
    result = Stream.final_result(messages)
    error = result.error_code && %{"code" => result.error_code, "message" => hd(result.errors)}
    %{"outcome" => result.outcome, "turn_id" => result.uuid, "text" => result.result, "error" => error}
  end

  defp exec_stream(to, at, args) do
    headers = [{"accept", "text/event-stream"}, {"content-type", "application/json"}]
    path = Connection.path(at ++ ["exec"])

    with {:ok, wire} <- Connection.open(to, "POST", path, nil, headers, Json.encode!(args), @limit_ms),
         {:ok, stream} <- Wire.all(wire, @limit_ms) do
      pieces = for frame <- String.split(stream, "\n\n"), frame =~ ~r/^event/m, do: piece(frame)
      text = fn name -> for({^name, data} <- pieces, into: "", do: data["text"] || "") end
      {"ended", ended} = List.last(pieces)
      {:ok, %{"stdout" => text.("stdout"), "stderr" => text.("stderr"), "result" => ended}}
    end
  end

  defp piece(frame) do
    [_, name] = Regex.run(~r/^event: ?(.*)$/m, frame)
    [_, data] = Regex.run(~r/^data: ?(.*)$/m, frame)
    {:ok, data} = Json.decode(data)
    {name, data}
  end

  defp put(to, at, query, text) do
    type = [{"content-type", "application/octet-stream"}]

    with {:ok, wire} <- Connection.open(to, "PUT", Connection.path(at), query, type, text, @limit_ms),
         {:ok, bytes} <- Wire.all(wire, @limit_ms),
         do: Json.decode(bytes)
  end

  defp call(to, method, at, options \\ []),
    do: Connection.call(to, method, Connection.path(at), [wait_ms: @limit_ms] ++ options)

  defp bytes(to, at, query), do: Connection.bytes(to, Connection.path(at), query)

  @doc "All that is in a list, by its pages."
  def all(to, at, query, by \\ "cursor") do
    with {:ok, %{"items" => items} = page} <- call(to, "GET", at, query: query) do
      # A place to begin counts once; the pages after it are found by their cursor.
      rest = fn next -> all(to, at, query |> Map.delete("offset") |> Map.put(by, next), by) end

      with next when next != nil <- page["next"],
           {:ok, more} <- rest.(next),
           do: {:ok, items ++ more},
           else:
             (
               nil -> {:ok, items}
               error -> error
             )
    end
  end

  defp listed(%{"types" => types} = args), do: %{args | "types" => Enum.join(types, ",")}
  defp listed(args), do: args
end
