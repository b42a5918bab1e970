defmodule ClaudeCode.SessionTest do
  @moduledoc "Each function of the document, on the scripted agent and a real daemon."
  use ExUnit.Case

  import Tenure.TestDaemon, only: [script: 1]

  alias ClaudeCode.{Session, Stream}
  alias ClaudeCode.Message.ResultMessage
  alias Tenure.{Connection, Error, TestDaemon}

  setup_all do
    agent = fn name, flags ->
      command = Tenure.Json.encode!([TestDaemon.binary(), "scripted-agent"] ++ flags)
      "[agents.#{name}]\nprotocol = \"scripted\"\ncommand = #{command}\n"
    end

    %{daemon: TestDaemon.start(agent.("claude", []) <> agent.("slow", ["--slow-start", "50000"]))}
  end

  defp start(daemon, options \\ []) do
    {:ok, session} =
      Session.start_link(Keyword.merge([agent: "scripted", cwd: daemon.work, tenure: daemon.at], options))

    session
  end

  test "streams a turn whose last message is its result, and tells what it is", %{daemon: daemon} do
    session = start(daemon)
    assert Session.session_id(session) == nil
    assert Session.get_messages(session) == {:ok, []}
    assert Session.alive?(session)

    said =
      session
      |> Session.stream(script([%{think: "hm"}, %{text: "héllo", chunks: 2}, %{write: "a.txt", text: "A"}]))
      |> Enum.to_list()

    assert %ResultMessage{subtype: :success, is_error: false, session_id: native} = List.last(said)
    assert Session.session_id(session) == native
    assert said |> Stream.thinking_content() |> Enum.join() == "hm"
    assert [%{id: id, name: name}] = said |> Stream.tool_uses() |> Enum.to_list()
    assert [%{tool_use_id: ^id, is_error: false}] = Stream.tool_results_by_name(said, name)
    assert Stream.tool_results_by_name(said, "nothing") == []
    assert said |> Stream.filter_type(:result) |> Enum.to_list() == [List.last(said)]
    test = self()
    said |> Stream.on_tool_use(&send(test, {:used, &1.name})) |> Elixir.Stream.run()
    assert_received {:used, ^name}
    collected = Stream.collect(said)
    assert collected.thinking == "hm"
    assert collected.text =~ "héllo"
    assert [{%{name: _}, %{is_error: false}}] = collected.tool_calls
    assert File.read!(Path.join(daemon.work, "a.txt")) == "A"
    assert Session.health(session) == :healthy

    {:ok, info} = Session.server_info(session)
    assert [_ | _] = info.commands
    assert {:ok, [%{display_name: _} | _]} = Session.supported_models(session)
    assert {:ok, [%{name: _} | _]} = Session.supported_commands(session)
    assert Session.supported_agents(session) == {:ok, []}
    assert Session.account_info(session) == {:ok, nil}

    {:ok, messages} = Session.get_messages(session)
    assert Enum.map(messages, & &1.type) |> Enum.uniq() == [:user, :assistant]
    assert {:ok, [%{type: :assistant}]} = Session.get_messages(session, limit: 1, offset: 1)

    assert {:ok, [_ | _]} = Session.get_messages(session, project_path: daemon.work <> "/.")
    assert {:ok, [_ | _]} = Session.get_messages(session, project_path: nil, claude_dir: nil)

    for {call, option, why} <- [
          {&Session.get_messages/2, :claude_dir, "configuration"},
          {&Session.list_sessions/2, :claude_dir, "configuration"},
          {&Session.get_messages/2, :project_path, daemon.work}
        ] do
      field = to_string(option)
      assert {:error, %Error{code: :usage, field: ^field} = error} = call.(session, [{option, "/x"}])
      assert error.message =~ why
    end

    assert {:error, %Error{code: :usage, field: "colour"}} = Session.get_messages(session, colour: "red")

    assert Session.clear(session) == :ok
    assert {Session.session_id(session), Session.get_messages(session)} == {nil, {:ok, []}}
    assert Session.stop(session) == :ok
    refute Session.alive?(session)
    assert Session.health(session) == {:unhealthy, :not_connected}
  end

  test "knows nothing of its agent before the handshake", %{daemon: daemon} do
    session = start(daemon, agent: "slow")
    assert {Session.health(session), Session.alive?(session)} == {{:unhealthy, :provisioning}, true}
    assert {Session.server_info(session), Session.account_info(session)} == {{:ok, nil}, {:ok, nil}}
    assert {Session.supported_models(session), Session.session_id(session)} == {{:ok, []}, nil}
    assert Session.stop(session) == :ok
  end

  test "tells pieces that add up, over a daemon that is killed in the middle", %{daemon: daemon} do
    session = start(daemon)
    once = :counters.new(1, [])

    text =
      session
      |> Session.stream(script([%{numbered: %{to: 300, delay_us: 2000}}]), include_partial_messages: true)
      |> Stream.tap(fn _ ->
        :counters.add(once, 1, 1)
        if :counters.get(once, 1) == 20, do: TestDaemon.kill9(daemon.home)
      end)
      |> Enum.to_list()

    pieces = text |> Stream.text_deltas() |> Enum.join()
    assert pieces == Stream.final_text(text)
    assert pieces |> String.split("\n", trim: true) |> length() == 300
    Session.stop(session)
  end

  test "a stream that is left leaves the turn running; interrupt ends it, and returns before", %{
    daemon: daemon
  } do
    session = start(daemon)
    prompt = script([%{text: "a"}, %{gate: "never"}])

    assert [%{type: :assistant}] =
             session |> Session.stream(script([%{text: "a"}])) |> Stream.until_result() |> Enum.take(1)

    waiting = Task.async(fn -> session |> Session.stream(prompt) |> Stream.final_result() end)
    until(fn -> session_state(daemon, session) == "running" end)
    assert Session.interrupt(session) == :ok
    assert %ResultMessage{subtype: :interrupted, is_error: true} = Task.await(waiting, 30_000)
    Session.stop(session)
  end

  test "asks are answered by `can_use_tool`; one that throws takes its stream along and nothing else", %{
    daemon: daemon
  } do
    session = start(daemon, can_use_tool: fn %{title: "may I?"}, _id -> :allow end)
    assert session |> Session.stream(script([%{ask: "may I?"}])) |> Stream.final_text() =~ "allowed"
    deny = fn _, _ -> {:deny, message: "no"} end

    refusal =
      catch_error(
        session
        |> Session.stream(script([%{ask: "may I?"}]), can_use_tool: deny)
        |> Elixir.Stream.run()
      )

    assert %Error{code: :unsupported} = refusal
    Session.interrupt(session)

    assert session
           |> Session.stream(script([%{ask: "may I?"}]), can_use_tool: fn _, _ -> :deny end)
           |> Stream.final_text() =~ "denied"

    assert_raise RuntimeError, "mine", fn ->
      session |> Session.stream("x") |> Stream.tap(fn _ -> raise "mine" end) |> Elixir.Stream.run()
    end

    assert session |> Session.stream("y") |> Stream.final_text() == "You said: y"
    Session.stop(session)
  end

  test "changes model and mode, rewinds files, lists, stops tasks, executes", %{daemon: daemon} do
    work = Path.join(daemon.scratch, "rewound")
    File.mkdir_p!(work)

    {:ok, session} =
      Session.start_link(agent: "scripted", cwd: work, tenure: daemon.at, enable_file_checkpointing: true)

    {:ok, models} = wait_for(fn -> Session.supported_models(session) end)
    assert Session.set_model(session, List.last(models).value) == :ok
    assert Session.set_permission_mode(session, :plan) == :ok
    assert {:error, %Error{}} = Session.set_permission_mode(session, :no_such_mode)

    File.write!(Path.join(work, "f.txt"), "before\n")
    session |> Session.stream(script([%{write: "f.txt", text: "after\n"}])) |> Elixir.Stream.run()
    {:ok, [%{type: :user, uuid: uuid} | _]} = Session.get_messages(session)

    assert {:ok, %{can_rewind: true, files_changed: ["f.txt"]}} =
             Session.rewind_files(session, uuid, dry_run: true)

    assert File.read!(Path.join(work, "f.txt")) == "after\n"
    assert {:ok, %{insertions: 1, deletions: 1}} = Session.rewind_files(session, uuid)
    assert File.read!(Path.join(work, "f.txt")) == "before\n"

    {:ok, _} = Connection.call(connection(daemon), "GET", "/v1/index", query: %{wait_ms: 30_000})
    assert {:ok, [%{cwd: ^work, first_prompt: "@@" <> _}]} = Session.list_sessions(session)
    assert {:ok, [_]} = Session.list_sessions(session, project_path: nil, limit: 1)
    assert {:error, %Error{code: :usage}} = Session.list_sessions(session, claude_dir: "/x")
    assert {:error, %Error{code: :unsupported, capability: "stop_task"}} = Session.stop_task(session, "task")

    assert Session.execute(session, File, :read, [Path.join(work, "f.txt")]) == {:ok, "before\n"}
    Session.stop(session)
  end

  test "a session that was stopped is resumed by its agent's id, and is the same", %{daemon: daemon} do
    session = start(daemon)
    session |> Session.stream("one") |> Elixir.Stream.run()
    {native, id} = {Session.session_id(session), Session.tenure_id(session)}
    Session.stop(session)
    again = start(daemon, resume: native)
    assert Session.tenure_id(again) == id
    assert again |> Session.stream("two") |> Stream.final_text() == "You said: two"

    assert {:error, %Error{code: :usage, field: "env"}} =
             Session.start_link(
               agent: "scripted",
               cwd: daemon.work,
               tenure: daemon.at,
               resume: native,
               env: %{"A" => "b"}
             )

    Session.stop(again)
  end

  test "is supervised by a name, and is closed with whoever started it", %{daemon: daemon} do
    options = [agent: "scripted", cwd: daemon.work, tenure: daemon.at, name: :kept]
    {:ok, supervisor} = Supervisor.start_link([{ClaudeCode, options}], strategy: :one_for_one)
    assert ClaudeCode.stream(:kept, "hello") |> Stream.text_content() |> Enum.join() == "You said: hello"
    assert {:error, {:already_started, _}} = Session.start_link(options)
    id = Session.tenure_id(:kept)
    Supervisor.stop(supervisor)
    {:ok, closed} = Connection.call(connection(daemon), "GET", "/v1/sessions/" <> id)
    assert closed["lifecycle"] == "closed"
    refute Session.alive?(:kept)

    assert {:ok, %ResultMessage{result: "You said: q"}} =
             ClaudeCode.query("q", Keyword.delete(options, :name))

    assert {:error, %ResultMessage{errors: [why]}} =
             ClaudeCode.query(script([%{error: "it broke"}]), Keyword.delete(options, :name))

    assert why =~ "it broke"
  end

  test "refuses what it does not honour, and daemons that are absent, foreign or distrustful, each by code",
       %{daemon: daemon} do
    code = fn options -> with({:error, %Error{code: code}} <- Session.start_link(options), do: code) end
    absent = Path.join(daemon.scratch, "absent")
    assert code.(colour: "red") == :usage
    assert code.(tenure: [colour: "red"]) == :usage

    for url <- ["nonsense", "https://127.0.0.1:1", "http://127.0.0.1:1/prefix"],
        do: assert(code.(tenure: [url: url]) == :usage)

    assert code.(agent: "scripted", tenure: [url: "http://[::1]:1"]) == :unreachable
    assert code.(tenure: [home: absent, start: false]) == :unreachable
    assert code.(tenure: [home: absent, binary: "/no/such/program"]) == :not_started
    assert code.(tenure: [home: absent, binary: "/bin/false"]) == :not_started
    assert code.(agent: "nobody", tenure: daemon.at) in [:invalid, :not_found, :agent_missing]
    {:ok, %{"url" => url}} = daemon.home |> Path.join("daemon.json") |> File.read!() |> Tenure.Json.decode()
    assert code.(agent: "scripted", tenure: [url: url, token: "wrong"]) == :unauthorized
    token = daemon.home |> Path.join("token") |> File.read!() |> String.trim()
    {:ok, session} = Session.start_link(agent: "scripted", cwd: daemon.work, tenure: [url: url, token: token])
    assert session |> Session.stream("by TCP") |> Stream.final_text() == "You said: by TCP"
    assert Session.execute(session, Kernel, :+, [1, 2]) == 3
    Session.stop(session)
    foreign = Tenure.Stranger.start("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
    assert code.(agent: "scripted", tenure: [url: foreign]) == :unintelligible
    silent = Tenure.Stranger.start("SSH-2.0-x\r\n")
    assert code.(agent: "scripted", tenure: [url: silent]) == :unintelligible

    elsewhere =
      Tenure.Stranger.start(fn path ->
        if path =~ "/v1/sessions",
          do: ~s({"id":"s","agent":"a","cwd":"/"}),
          else: ~s({"node":"far-away","version":"9"})
      end)

    {:ok, far} = Session.start_link(tenure: [url: elsewhere])
    assert Session.execute(far, Kernel, :+, [1, 2]) == {:error, {:rpc_failed, "far-away"}}
  end

  test "of two answers to one ask the first counts, and neither is an error of the stream", %{daemon: daemon} do
    test = self()

    first = fn %{ask_id: id}, _ ->
      {:ok, _} = Connection.call(connection(daemon), "POST", "/v1/asks/" <> id, body: %{decision: "allow"})
      send(test, :answered)
      :deny
    end

    session = start(daemon, can_use_tool: first)
    assert session |> Session.stream(script([%{ask: "may I?"}])) |> Stream.final_text() =~ "allowed"
    assert_received :answered
    Session.stop(session)
  end

  test "a reader that stops reading holds up nobody, and misses nothing", %{daemon: daemon} do
    session = start(daemon)
    {connection, id} = {connection(daemon), Session.tenure_id(session)}

    reading =
      Task.async(fn ->
        connection
        |> Tenure.Follow.events(id, until: &(&1["type"] == "session.closed"))
        |> Enum.map(fn
          %{"seq" => 1} -> receive(do: (:go -> 1))
          %{"seq" => seq} -> seq
        end)
      end)

    for _ <- 1..5, do: session |> Session.stream(script([%{flood: 2000}])) |> Elixir.Stream.run()
    send(reading.pid, :go)
    Session.stop(session)
    seqs = Task.await(reading, 30_000)
    assert seqs == Enum.to_list(1..length(seqs))
  end

  test "what was left, threw or failed leaves no socket and no process behind", %{daemon: daemon} do
    session = start(daemon)
    session |> Session.stream("warm") |> Elixir.Stream.run()
    held = fn -> {length(Port.list()), length(Process.list())} end
    before = held.()

    for _ <- 1..5 do
      session |> Session.stream(script([%{text: "a"}]), include_partial_messages: true) |> Enum.take(1)
      throwing = session |> Session.stream("x") |> Stream.tap(fn _ -> throw(:mine) end)
      assert catch_throw(Elixir.Stream.run(throwing)) == :mine
      asking = Session.stream(session, script([%{ask: "may I?"}]), can_use_tool: fn _, _ -> raise "mine" end)
      assert_raise RuntimeError, "mine", fn -> Elixir.Stream.run(asking) end
      Session.interrupt(session)
      assert {:error, %Error{}} = Session.stop_task(session, "none")
      assert {:error, %Error{}} = Session.start_link(agent: "nobody", tenure: daemon.at)
    end

    assert held.() == before
    Session.stop(session)
  end

  test "runs the first program of its pages", %{daemon: daemon} do
    System.put_env(%{"TENURE_HOME" => daemon.home, "TENURE_BIN" => TestDaemon.binary()})

    for page <- ["../README.md", "../../../docs/dialects/elixir.md"] do
      [_, program] = Regex.run(~r/```elixir\n(.*?)```/s, File.read!(Path.expand(page, __DIR__)))
      program = String.replace(program, "/path/to/work", daemon.work)
      assert ExUnit.CaptureIO.capture_io(fn -> Code.eval_string(program) end) =~ "You said: "
    end
  end

  test "runs every program of the quick start", %{daemon: daemon} do
    System.put_env(%{"TENURE_HOME" => daemon.home, "TENURE_BIN" => TestDaemon.binary()})
    page = File.read!(Path.expand("../../../docs/elixir.md", __DIR__))

    told =
      for [_, program] <- Regex.scan(~r/```elixir\n(.*?)```/s, page),
          do: ExUnit.CaptureIO.capture_io(fn -> Code.eval_string(program) end)

    for {told, expected} <-
          Enum.zip(told, [
            "completed: You said: What is this project?",
            "You said: Tidy up.",
            "You said: Write a poem",
            "You said: And now?\n",
            "You said: Look for missing tests.",
            "You said: Hello.",
            "closed\n"
          ]),
        do: assert(told =~ expected)

    assert length(told) == 7
    assert Enum.at(told, 3) |> String.split("\n") |> Enum.count(&(&1 =~ "turn.")) == 4
  end

  defp connection(daemon), do: with({:ok, connection} <- Connection.new(daemon.at), do: connection)

  defp session_state(daemon, session) do
    {:ok, data} = Connection.call(connection(daemon), "GET", "/v1/sessions/" <> Session.tenure_id(session))
    data["activity"]["state"]
  end

  defp until(holds), do: holds.() || until(holds)
  defp wait_for(ask), do: with({:ok, []} <- ask.(), do: wait_for(ask))
end
