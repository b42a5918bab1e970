defmodule Tenure.Conformance.Run do
  @moduledoc "One case with one agent: its steps in their order, those for later beside them."
  import Tenure.Conformance, only: [filled: 2, fits?: 2, known!: 1]

  alias Tenure.{Connection, Error, TestDaemon}
  alias Tenure.Conformance.{Ask, Follower}

  @limit_ms 60_000

  @doc "Carries it out on a daemon in a scratch home."
  def run(daemon, one, agent) do
    node = System.find_executable("node")
    kept = %{"agent" => agent, "cwd" => daemon.work, "node" => node, "tools" => Tenure.Conformance.tools()}
    kept = Enum.reduce(one["agents"][agent], kept, &keep/2)
    {:ok, ground} = Connection.new(home: daemon.home, start: false)
    run = %{daemon: daemon, kept: kept, clients: %{"" => ground}, followers: %{}, later: %{}}
    run = up(Map.put(run, :address, "127.0.0.1:0"))
    last = one["steps"] |> Enum.with_index(1) |> Enum.reduce(run, &step/2)
    for {_, follower} <- last.followers, do: Process.exit(follower, :kill)
    :ok
  end

  defp keep({name, value}, kept), do: Map.put(kept, name, filled(value, kept))

  # On the address that it had, so that clients by TCP find it again.
  defp up(run) do
    {_, 0} = TestDaemon.cli(run.daemon.home, ["up", "--detach", "--listen", run.address])
    %{run | address: String.trim_leading(TestDaemon.file(run.daemon.home)["url"], "http://")}
  end

  # What was begun is waited for by this process, which began it.
  defp step({%{"do" => "join", "with" => %{"of" => name}} = step, i}, run) do
    known!(step)
    {task, begun} = Map.fetch!(run.later, name)
    {outcome, _} = finished(task, begun)
    step |> expected(run, outcome, %{}) |> told(place(step, i)) |> kept(step, run)
  end

  defp step({step, i}, run) do
    known!(step)
    place = place(step, i)
    task = Task.async(fn -> judged(step, run) end)

    if step["later"] do
      put_in(run.later[step["as"]], {task, place})
    else
      task |> finished(place) |> kept(step, run)
    end
  end

  defp finished(task, place) do
    case Task.yield(task, @limit_ms) || Task.shutdown(task, :brutal_kill) do
      {:ok, told} -> told(told, place)
      nil -> raise "#{place}: it takes over 60 s"
    end
  end

  defp told({:ok, outcome, changed}, _), do: {outcome, changed}
  defp told({:error, why}, place), do: raise("#{place}: #{why}")
  defp place(step, i), do: "step #{i}, #{IO.iodata_to_binary(Tenure.Json.encode!(step))}"

  defp kept({outcome, changed}, step, run) do
    name = step["as"] || if(step["do"] in ["create", "fork", "adopt"], do: "s")
    run = Map.merge(run, changed)
    if name && outcome != :nothing, do: put_in(run.kept[name], outcome), else: run
  end

  # Does a step, and holds what comes of it against what is expected. Nothing of it ends the test but by what it tells.
  defp judged(step, run) do
    case act(step, run) do
      {:ok, outcome, changed} -> expected(step, run, outcome, changed)
      {:error, error} -> refused(step["do"] != "race" && step["fails"], error, run)
    end
  rescue
    error -> {:error, Exception.format(:error, error, __STACKTRACE__)}
  end

  defp expected(%{"do" => what, "fails" => _}, _, outcome, _) when what != "race",
    do: {:error, "it did not fail: #{inspect(outcome)}"}

  defp expected(step, run, outcome, changed) do
    own = kept({outcome, %{}}, step, run)

    with {:ok, pattern} <- Map.fetch(step, "expect"),
         pattern = filled(pattern, own.kept),
         false <- fits?(pattern, outcome) do
      {:error, "#{inspect(outcome)} does not fit #{inspect(pattern)}"}
    else
      _ -> {:ok, outcome, changed}
    end
  end

  defp refused(pattern, error, _) when pattern in [nil, false], do: {:error, Exception.message(error)}

  defp refused(pattern, error, run) do
    seen = seen(error)
    pattern = filled(pattern, run.kept)

    if fits?(pattern, seen),
      do: {:ok, :nothing, %{}},
      else: {:error, "#{inspect(seen)} does not fit #{inspect(pattern)}: #{Exception.message(error)}"}
  end

  defp seen(error) do
    fields =
      for name <- [:status, :field, :agent, :capability],
          into: %{},
          do: {to_string(name), Map.get(error, name)}

    scope = if is_map(error.data), do: error.data["scope"]
    Map.merge(fields, %{"code" => to_string(error.code), "scope" => scope})
  end

  # The outcome, and what it changes of the run.
  defp act(%{"do" => what} = step, run) do
    args = filled(step["with"] || %{}, run.kept)
    to = Map.fetch!(run.clients, step["via"] || "")
    id = what != "create" && get_in(run.kept, [step["on"] || "s", "id"])
    follower = fn -> Map.fetch!(run.followers, args["of"]) end

    case what do
      "connect" -> changed(:clients, step, run, connect(step["as"], args, run))
      "follow" -> changed(:followers, step, run, Follower.start(to, id, args))
      "kill_daemon" -> nothing(TestDaemon.kill9(run.daemon.home))
      "start_daemon" -> nothing(up(run))
      "leave" -> nothing(leave(args, run))
      "race" -> nothing(race(step, run))
      "until" -> {:ok, Follower.until(follower.(), args["event"]), %{}}
      "exact" -> nothing(Follower.exact(follower.(), &log(to, id, &1)))
      _ -> with {:ok, outcome} <- Ask.ask(to, id || nil, what, args), do: {:ok, outcome, %{}}
    end
  end

  defp nothing(_), do: {:ok, :nothing, %{}}
  defp changed(what, step, run, value), do: {:ok, :nothing, %{what => Map.put(run[what], step["as"], value)}}

  defp log(to, id, from) do
    {:ok, events} = Ask.all(to, ["sessions", id, "events"], %{"after" => from}, "after")
    events
  end

  defp connect(name, %{"by" => by, "token" => token}, run) do
    file = TestDaemon.file(run.daemon.home)

    secret =
      case token do
        "home" -> run.daemon.home |> Path.join("token") |> File.read!() |> String.trim()
        "wrong" -> "wrong"
        scope -> made(run.clients[""], name, scope)
      end

    at = if by == "tcp", do: [url: file["url"], token: secret], else: [socket: file["socket"]]
    with {:ok, connection} <- Connection.new(at), do: connection
  end

  defp made(to, name, scope) do
    body = %{name: "t-#{name}", scope: scope}
    {:ok, %{"token" => token}} = Connection.call(to, "POST", Connection.path(["tokens"]), body: body)
    token
  end

  # A file of another tool, below the user's home.
  defp leave(%{"path" => path, "lines" => lines}, run) do
    file = Path.join([run.daemon.scratch, "user", path])
    File.mkdir_p!(Path.dirname(file))
    File.write!(file, Enum.map(lines, &[Tenure.Json.encode!(&1), "\n"]))
  end

  # Those that run at once, of which one succeeds.
  defp race(step, run) do
    all = step["steps"] |> Enum.map(&Task.async(fn -> act(&1, run) end)) |> Task.await_many(@limit_ms)
    lost = for {:error, %Error{} = error} <- all, do: error
    if length(lost) != length(all) - 1, do: raise("one must win, and one alone: #{inspect(all)}")
    for error <- lost, do: {:ok, _, _} = refused(step["fails"], error, run)
  end
end
