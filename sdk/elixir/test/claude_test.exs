defmodule ClaudeCode.ClaudeTest do
  @moduledoc "The functions on the program that they are named after: Claude Code, asking a scripted model."
  use ExUnit.Case

  import Tenure.TestDaemon, only: [script: 1]

  alias ClaudeCode.{Session, Stream}
  alias ClaudeCode.Message.ResultMessage
  alias ClaudeCode.Message.SystemMessage.{TaskNotification, TaskStarted}
  alias Tenure.TestDaemon

  test "every function that an agent can refuse, it does" do
    daemon = TestDaemon.start(&TestDaemon.claude/1)

    if daemon.config,
      do: all(daemon),
      else: IO.puts("Claude Code is not installed: cargo xtask install-agents")
  end

  defp all(daemon) do
    start = fn options ->
      with(
        {:ok, session} <- Session.start_link([cwd: daemon.work, tenure: daemon.at] ++ options),
        do: session
      )
    end

    bash = %{name: "Bash", input: %{command: "echo made > made.txt", description: "makes a file"}}
    write = %{name: "Write", input: %{file_path: Path.join(daemon.work, "w.txt"), content: "w\n"}}

    session = start.(can_use_tool: fn %{tool_name: _}, _ -> :allow end, include_partial_messages: true)
    assert Session.session_id(session) == nil

    said =
      session
      |> Session.stream("Please. " <> script([%{tools: [bash]}, %{text: "It is made."}]))
      |> Enum.to_list()

    assert %ResultMessage{subtype: :success, result: "It is made.", session_id: native} = List.last(said)
    assert said |> Stream.text_deltas() |> Enum.join() == "It is made."
    assert [{%{name: "Bash"}, %{is_error: false}}] = Stream.collect(said).tool_calls
    assert Session.session_id(session) == native
    assert File.read!(Path.join(daemon.work, "made.txt")) == "made\n"

    {:ok, info} = Session.server_info(session)
    assert [_ | _] = info.commands
    assert [_ | _] = info.models
    assert [_ | _] = info.available_output_styles
    assert {:ok, [%{name: _, description: _} | _]} = Session.supported_agents(session)
    assert {:ok, %{api_key_source: _}} = Session.account_info(session)
    assert Session.set_model(session, "haiku") == :ok
    assert Session.set_permission_mode(session, :accept_edits) == :ok
    assert {:error, %{code: :forbidden}} = Session.set_permission_mode(session, :bypass_permissions)

    stops_a_task(session, daemon)

    session
    |> Session.stream("Write. " <> script([%{tools: [write]}, %{text: "Written."}]))
    |> Elixir.Stream.run()

    {:ok, messages} = Session.get_messages(session)
    %{uuid: uuid} = messages |> Enum.filter(&(&1.type == :user)) |> List.last()

    assert {:ok, %{can_rewind: true, files_changed: ["w.txt"]}} =
             Session.rewind_files(session, uuid, dry_run: true)

    assert {:ok, %{can_rewind: true}} = Session.rewind_files(session, uuid)
    refute File.exists?(Path.join(daemon.work, "w.txt"))

    tools = Path.expand("../../conformance/tools.mjs", __DIR__)
    server = %{"type" => "stdio", "command" => System.find_executable("node"), "args" => [tools]}

    assert {:ok, %{added: ["mine"], removed: [], errors: %{}}} =
             Session.set_mcp_servers(session, %{"mine" => server})

    mine = fn ->
      with({:ok, servers} <- Session.mcp_status(session), do: Enum.find(servers, &(&1.name == "mine")))
    end

    assert %{status: :connected, tools: ["echo"]} = mine.()
    assert Session.mcp_toggle(session, "mine", false) == :ok
    assert %{status: :disabled} = mine.()
    assert Session.mcp_toggle(session, "mine", true) == :ok
    assert Session.mcp_reconnect(session, "mine") == :ok
    assert %{status: :connected} = mine.()
    assert {:error, %{code: :not_found}} = Session.mcp_reconnect(session, "nobody")
    assert {:ok, %{removed: ["mine"]}} = Session.set_mcp_servers(session, %{})

    forked = start.(resume: native, fork_session: true)

    assert forked |> Session.stream("On. " <> script([%{text: "Forked."}])) |> Stream.final_text() ==
             "Forked."

    other = Session.session_id(forked)
    assert other != native
    assert {:ok, kept} = Session.get_messages(forked)
    assert length(kept) > length(messages)
    Session.stop(forked)

    {:ok, _} = Tenure.Connection.call(connection(daemon), "GET", "/v1/index", query: %{wait_ms: 30_000})
    {:ok, listed} = Session.list_sessions(session)
    adopted(daemon, start, other)
    assert Enum.sort(Enum.map(listed, & &1.session_id)) == Enum.sort([native, other])
    assert Session.clear(session) == :ok
    assert {Session.session_id(session), Session.get_messages(session)} == {nil, {:ok, []}}
    Session.stop(session)
  end

  # It is told in the stream that is open, while the turn goes on.
  defp stops_a_task(session, daemon) do
    told = Path.join(daemon.work, "told")
    command = fn command, more -> %{name: "Bash", input: Map.merge(%{command: command}, more)} end
    endless = command.("sleep 300", %{run_in_background: true, description: "waits"})
    gate = command.("until [ -e told ]; do sleep 0.1; done", %{description: "gate"})

    said =
      session
      |> Session.stream("Wait. " <> script([%{tools: [endless]}, %{tools: [gate]}, %{text: "Stopped."}]))
      |> Elixir.Stream.transform(nil, fn message, task ->
        gated = [message] |> Stream.tool_uses() |> Enum.any?(&(&1.input["description"] == "gate"))
        if task && gated, do: assert(Session.stop_task(session, task) == :ok)

        if match?(%TaskNotification{task_id: ^task}, message), do: File.write!(told, "")

        {[message],
         with(%TaskStarted{task_id: id, description: "waits"} <- message, do: id, else: (_ -> task))}
      end)
      |> Enum.to_list()

    assert %ResultMessage{result: "Stopped."} = List.last(said)
    [started | _] = said |> Stream.filter_type(:system) |> Enum.to_list()
    assert %TaskStarted{task_type: "shell", tool_use_id: "" <> tool} = started

    assert [%{status: :stopped, tool_use_id: ^tool}] =
             for(%TaskNotification{} = ended <- said, ended.task_id == started.task_id, do: ended)
  end

  # A conversation that only the agent knows, as another program leaves it.
  defp adopted(daemon, start, native) do
    {:ok, %{"items" => [%{"id" => id}]}} =
      Tenure.Connection.call(connection(daemon), "GET", "/v1/sessions", query: %{native_id: native})

    {:ok, _} = Tenure.Connection.call(connection(daemon), "DELETE", "/v1/sessions/" <> id)
    adopted = start.(resume: native)
    assert Session.tenure_id(adopted) != id
    assert {:ok, [%{type: :user}, %{type: :assistant} | _] = past} = Session.get_messages(adopted)
    assert adopted |> Session.stream("And. " <> script([%{text: "More."}])) |> Stream.final_text() == "More."
    assert Session.session_id(adopted) == native
    assert {:ok, now} = Session.get_messages(adopted)
    assert length(now) == length(past) + 2
    Session.stop(adopted)
  end

  defp connection(daemon), do: with({:ok, connection} <- Tenure.Connection.new(daemon.at), do: connection)
end
