defmodule ClaudeCode.Session.Server do
  @moduledoc """
  The process of a session in this program: it knows which session of which daemon it is, and closes it when it ends. It
  carries no messages; whoever streams talks to the daemon itself, so that nothing waits behind a turn.
  """
  use GenServer

  alias ClaudeCode.Options
  alias Tenure.{Connection, Error}

  # Closing waits for the agent's process to end.
  @close_ms 20_000
  # What was written on the disk a moment ago is read first.
  @look_ms 10_000

  @doc "Starts or takes up a session, then the process that stands for it."
  @spec start_link(keyword()) :: GenServer.on_start() | {:error, Error.t()}
  def start_link(options) do
    name = if options[:name], do: [name: options[:name]], else: []

    with :ok <- Options.check(options),
         :ok <- free(options[:name]),
         {:ok, connection} <- Connection.new(options[:tenure] || []),
         :ok <- Connection.reach(connection),
         {:ok, session} <- obtain(connection, options) do
      handle = %{
        connection: connection,
        id: session["id"],
        agent: session["agent"],
        cwd: session["cwd"],
        options: options
      }

      with {:error, _} = lost <- GenServer.start_link(__MODULE__, handle, name), do: close(handle) && lost
    end
  end

  def child_spec(options),
    do: %{
      id: options[:name] || __MODULE__,
      start: {__MODULE__, :start_link, [options]},
      shutdown: @close_ms + 5_000
    }

  @doc "What is needed to ask the daemon about it: `{:error, …}` where the process has ended."
  @spec handle(ClaudeCode.Session.session()) :: {:ok, map()} | {:error, Error.t()}
  def handle(session) do
    {:ok, GenServer.call(session, :handle)}
  catch
    :exit, _ -> {:error, Error.new(:closed, "the session was stopped")}
  end

  @impl true
  def init(handle) do
    # So that it is closed also when whoever started it ends.
    Process.flag(:trap_exit, true)
    {:ok, handle}
  end

  @impl true
  def handle_call(:handle, _from, handle), do: {:reply, handle, handle}

  @impl true
  def handle_info({:EXIT, _, reason}, handle), do: {:stop, reason, handle}
  def handle_info(_, handle), do: {:noreply, handle}

  @impl true
  def terminate(_reason, handle), do: close(handle)

  defp free(nil), do: :ok

  defp free(name),
    do:
      with(
        pid when pid != nil <- GenServer.whereis(name),
        do: {:error, {:already_started, pid}},
        else: (nil -> :ok)
      )

  defp close(handle) do
    Connection.call(handle.connection, "POST", Connection.path(["sessions", handle.id, "close"]),
      body: %{},
      wait_ms: @close_ms
    )

    true
  end

  defp obtain(connection, options) do
    if options[:session] do
      with :ok <- Options.check_held(options), do: take_up(connection, options[:session], options)
    else
      create(connection, options)
    end
  end

  defp create(connection, options) do
    case holder(connection, options) do
      {:ok, held} -> fork(connection, held["id"], options)
      :none -> make(connection, options)
      error -> error
    end
  end

  # A fork of a conversation that a session here holds shows what was said before; a new session could not.
  defp holder(connection, options) do
    # One that was to resume it and could not holds nothing.
    lifecycle = "creating,live,suspended,closed"
    query = %{native_id: options[:resume], lifecycle: lifecycle, archived: "any", limit: 1}

    with true <- options[:fork_session] == true and options[:resume] != nil,
         :ok <- Options.check_held(Keyword.drop(options, [:fork_session, :title, :tags])),
         {:ok, %{"items" => [held]}} <-
           Connection.call(connection, "GET", Connection.path(["sessions"]), query: query),
         true <- held["cwd"] == Options.create(options).cwd do
      {:ok, held}
    else
      {:error, %Error{code: code} = error} when code != :usage -> {:error, error}
      _ -> :none
    end
  end

  defp fork(connection, id, options) do
    body = Map.take(Options.create(options), [:model, :effort, :mode, :title, :tags])
    Connection.call(connection, "POST", Connection.path(["sessions", id, "fork"]), body: body)
  end

  defp make(connection, options) do
    body = Options.create(options)

    made =
      with :none <- adopt(connection, body),
           do: Connection.call(connection, "POST", Connection.path(["sessions"]), body: body)

    case made do
      # The conversation is held by a session of the daemon: it is that one.
      {:error, %Error{code: :conflict, session_id: id}} when id != nil ->
        with :ok <- Options.check_held(options), do: take_up(connection, id, options)

      other ->
        other
    end
  end

  # A conversation that no session here holds is taken up with what was said in it, where the daemon can read that.
  defp adopt(connection, %{resume: %{} = resume} = body)
       when not is_map_key(resume, :fork) and not is_map_key(body, :checkpoints) do
    index = Connection.path(["index"])

    with {:ok, _} <- Connection.call(connection, "GET", index, query: %{wait_ms: @look_ms}),
         {:ok, native} <- conversation(connection, body),
         path = Connection.path(["history", body.agent, native, "adopt"]),
         {:error, %Error{code: :not_found}} <-
           Connection.call(connection, "POST", path, body: Map.delete(body, :resume)),
         do: :none
  end

  defp adopt(_, _), do: :none

  defp conversation(_, %{resume: %{native_id: native}}), do: {:ok, native}

  # The newest one may be a session's own.
  defp conversation(connection, %{agent: agent, cwd: cwd}) do
    query = %{agent: agent, cwd: cwd, include_worktrees: false, archived: "any", limit: 1}

    case Connection.call(connection, "GET", Connection.path(["history"]), query: query) do
      {:ok, %{"items" => [%{"native_id" => native} = entry]}} when not is_map_key(entry, "session_id") ->
        {:ok, native}

      {:ok, _} ->
        :none

      error ->
        error
    end
  end

  defp take_up(connection, id, options) do
    path = fn more -> Connection.path(["sessions", id | more]) end

    config =
      Map.reject(
        %{model: options[:model], effort: options[:effort], mode: Options.mode(options[:permission_mode])},
        &(elem(&1, 1) == nil)
      )

    with {:ok, _} <- Connection.call(connection, "POST", path.(["resume"]), body: %{wait: "accepted"}),
         {:ok, _} <-
           if(config == %{},
             do: {:ok, nil},
             else: Connection.call(connection, "PATCH", path.(["config"]), body: config)
           ) do
      Connection.call(connection, "GET", path.([]))
    end
  end
end
