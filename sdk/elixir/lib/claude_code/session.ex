defmodule ClaudeCode.Session do
  @moduledoc """
  Sessions of Claude Code, or of any other agent, kept by Tenure: they outlive this program's connections and the daemon.

      {:ok, session} = ClaudeCode.Session.start_link(cwd: "/path/to/work")

      session
      |> ClaudeCode.Session.stream("What is 5 + 3?")
      |> Enum.each(&IO.inspect/1)

      ClaudeCode.Session.stop(session)

  Every failure is `{:error, %Tenure.Error{}}`, or raised where a function gives no such tuple.
  """
  alias ClaudeCode.{Options, Shape, Turn}
  alias ClaudeCode.History.SessionInfo
  alias ClaudeCode.MCP.Status
  alias ClaudeCode.Model.Info
  alias ClaudeCode.Session.{AccountInfo, AgentInfo, Server, SlashCommand}
  alias Tenure.{Connection, Error}

  @typedoc "What `start_link/1` gives, or the name that it was given."
  @type session :: GenServer.server()

  @doc "Starts a session, with the options of `ClaudeCode.Options`. It is closed when its process ends."
  @spec start_link(keyword()) :: GenServer.on_start() | {:error, Error.t()}
  def start_link(options \\ []), do: Server.start_link(options)

  @doc false
  def child_spec(options), do: Server.child_spec(options)

  @doc """
  Says something, and gives what happens as a stream of messages, the last of which is the result. It is said when the stream is
  read from; a stream that is left leaves the turn running. Takes `:include_partial_messages`, `:can_use_tool`, `:model`, `:effort`; and Tenure's `:id` (of the
  input: said again with the same one it is the same turn) and `:delivery` (`:queue`, `:steer`, `:interrupt`). A prompt is a text, or what Tenure takes as
  an input: `%{parts: [%{type: "text", text: "…"}]}`.
  """
  @spec stream(session(), String.t() | map(), keyword()) :: Enumerable.t()
  def stream(session, prompt, options \\ []),
    do: Turn.stream(fn -> Server.handle(session) end, prompt, options)

  @doc "Closes the session: its process ends, what was said stays and can be resumed."
  @spec stop(session()) :: :ok
  def stop(session) do
    GenServer.stop(session)
  catch
    :exit, {:noproc, _} -> :ok
  end

  @doc "Whether there is a process for it here, and the daemon has not seen its end."
  @spec alive?(session()) :: boolean()
  def alive?(session) do
    case get(session) do
      {:ok, %{"lifecycle" => lifecycle}} -> lifecycle not in ["closed", "failed", "destroyed"]
      _ -> false
    end
  end

  @doc "`:healthy`, `:degraded` or `{:unhealthy, why}`."
  @spec health(session()) :: :healthy | :degraded | {:unhealthy, :provisioning | :not_connected | :port_dead}
  def health(session) do
    case get(session) do
      {:ok, data} -> health_of(data)
      _ -> {:unhealthy, :not_connected}
    end
  end

  defp health_of(%{"lifecycle" => "creating"}), do: {:unhealthy, :provisioning}
  defp health_of(%{"lifecycle" => "suspended", "suspended_by" => "crash"}), do: {:unhealthy, :port_dead}

  defp health_of(%{"lifecycle" => "live", "activity" => activity}) do
    waits = activity["state"] == "waiting" and activity["reason"] in ["rate_limit", "retry"]
    if waits or activity["state"] == "stalled", do: :degraded, else: :healthy
  end

  defp health_of(_), do: {:unhealthy, :not_connected}

  @doc "The agent's own id of the conversation; `nil` before its first turn and after `clear/1`."
  @spec session_id(session()) :: String.t() | nil
  def session_id(session) do
    # Some agents have an id before anything was said; here it names a conversation.
    with %{"native_id" => native} when native != nil <- get!(session),
         {:ok, %{"items" => [_ | _]}} <- call(session, "GET", ["messages"], query: %{limit: 1}) do
      native
    else
      {:error, error} -> raise error
      _ -> nil
    end
  end

  @doc "Tenure's id of the session, which never changes."
  @spec tenure_id(session()) :: String.t()
  def tenure_id(session), do: get!(session)["id"]

  @doc "Begins an empty conversation; what was said stays readable."
  @spec clear(session()) :: :ok | {:error, Error.t()}
  def clear(session), do: ok(call(session, "POST", ["clear"], body: %{}))

  @doc "Ends the running turn; returns when the daemon has taken that in."
  @spec interrupt(session()) :: :ok | {:error, Error.t()}
  def interrupt(session), do: ok(call(session, "POST", ["interrupt"], body: %{wait: "accepted"}))

  @doc "Changes the model."
  @spec set_model(session(), String.t()) :: :ok | {:error, Error.t()}
  def set_model(session, model), do: ok(call(session, "PATCH", ["config"], body: %{model: model}))

  @doc "Changes the mode: `:default`, `:accept_edits`, `:plan`, `:bypass_permissions`, …, or the agent's own word as a string."
  @spec set_permission_mode(session(), atom() | String.t()) :: :ok | {:error, Error.t()}
  def set_permission_mode(session, mode),
    do: ok(call(session, "PATCH", ["config"], body: %{mode: Options.mode(mode)}))

  @doc "How the tool servers stand."
  @spec mcp_status(session()) :: {:ok, [Status.t()]} | {:error, Error.t()}
  def mcp_status(session),
    do:
      with(
        {:ok, %{"items" => items}} <- call(session, "GET", ["mcp"]),
        do: {:ok, Enum.map(items, &Status.of/1)}
      )

  @doc "Connects to a tool server again."
  @spec mcp_reconnect(session(), String.t()) :: :ok | {:error, Error.t()}
  def mcp_reconnect(session, server), do: ok(call(session, "POST", ["mcp", server, "reconnect"], body: %{}))

  @doc "Uses a tool server, or uses it no more."
  @spec mcp_toggle(session(), String.t(), boolean()) :: :ok | {:error, Error.t()}
  def mcp_toggle(session, server, enabled) when is_boolean(enabled) do
    ok(call(session, "POST", ["mcp", server, if(enabled, do: "enable", else: "disable")], body: %{}))
  end

  @doc "Replaces the tool servers that this has set before; those of the beginning stay. Names by which errors are told are strings."
  @spec set_mcp_servers(session(), map()) ::
          {:ok, %{added: [String.t()], removed: [String.t()], errors: map()}} | {:error, Error.t()}
  def set_mcp_servers(session, servers) do
    with {:ok, set} <- call(session, "PUT", ["mcp"], body: %{mcp_servers: Options.servers(servers)}) do
      {:ok, %{added: set["added"], removed: set["removed"], errors: set["errors"]}}
    end
  end

  @doc "What the agent told at its handshake; `nil` before it."
  @spec server_info(session()) :: {:ok, map() | nil} | {:error, Error.t()}
  def server_info(session) do
    with {:ok, data} <- get(session), do: {:ok, info(data["capabilities"])}
  end

  defp info(%{"handshake" => handshake} = told) when handshake != nil do
    %{
      commands: Enum.map(told["commands"] || [], &SlashCommand.of/1),
      models: Enum.map(told["models"] || [], &Info.of/1),
      agents: Enum.map(told["agents"] || [], &AgentInfo.of/1),
      account: AccountInfo.of(told["account"]),
      output_style: told["output_style"],
      available_output_styles: told["output_styles"] || [],
      fast_mode_state: (is_map(handshake) && handshake["fast_mode_state"]) || nil
    }
  end

  defp info(_), do: nil

  @doc "The agent's own commands; none before its handshake."
  @spec supported_commands(session()) :: {:ok, [SlashCommand.t()]} | {:error, Error.t()}
  def supported_commands(session), do: listed(session, :commands)

  @doc "The models that it can be set to."
  @spec supported_models(session()) :: {:ok, [Info.t()]} | {:error, Error.t()}
  def supported_models(session), do: listed(session, :models)

  @doc "Its subagents."
  @spec supported_agents(session()) :: {:ok, [AgentInfo.t()]} | {:error, Error.t()}
  def supported_agents(session), do: listed(session, :agents)

  defp listed(session, name),
    do: with({:ok, info} <- server_info(session), do: {:ok, if(info, do: info[name], else: [])})

  @doc "With whose account it works; `nil` where it does not say."
  @spec account_info(session()) :: {:ok, AccountInfo.t() | nil} | {:error, Error.t()}
  def account_info(session), do: with({:ok, info} <- server_info(session), do: {:ok, info && info.account})

  @doc """
  What was said, oldest first: `:limit`, `:offset`; `:project_path`, if it is the session's directory. Empty before the first turn and after
  `clear/1`. `:claude_dir` is refused, here and by `list_sessions/2`.
  """
  @spec get_messages(session(), keyword()) ::
          {:ok, [ClaudeCode.History.SessionMessage.t()]} | {:error, Error.t()}
  def get_messages(session, options \\ []) do
    with :ok <-
           Error.refuse_unknown("get_messages", options, [:limit, :offset, :project_path, :claude_dir]),
         :ok <- no_claude_dir("get_messages", options),
         {:ok, data} <- get(session),
         :ok <- same_project(options[:project_path], data),
         {:ok, items} <- pages(session, ["messages"], options) do
      {:ok,
       for(item <- items, item["role"] in ["user", "assistant"], do: Shape.stored(item, data["native_id"]))}
    end
  end

  defp no_claude_dir(call, options) do
    why = "which directories of agents are read is the daemon's configuration: [history.claude] roots"
    refuse(options[:claude_dir] != nil, "#{call} does not take `:claude_dir`: #{why}", "claude_dir")
  end

  defp same_project(path, data) do
    other = path != nil and Path.expand(path) != data["cwd"]

    why =
      "the messages are this session's, which works in #{data["cwd"]}; leave `:project_path` out, or resume the other one"

    refuse(
      other,
      "get_messages takes no `:project_path` but the session's own, not #{inspect(path)}: #{why}",
      "project_path"
    )
  end

  defp refuse(true, why, field), do: {:error, Error.new(:usage, why, field: field)}
  defp refuse(false, _, _), do: :ok

  defp pages(session, path, options),
    do:
      with(
        {:ok, handle} <- Server.handle(session),
        do:
          pages(
            handle.connection,
            Connection.path(["sessions", handle.id | path]),
            %{},
            options[:limit],
            options[:offset] || 0
          )
      )

  # A place to begin counts once; the pages after it are found by their cursor.
  defp pages(connection, path, query, limit, offset),
    do: pages(connection, path, query, limit, Map.new(offset: offset), [])

  defp pages(_, _, _, 0, _, pages), do: {:ok, pages |> Enum.reverse() |> Enum.concat()}

  defp pages(connection, path, query, limit, from, pages) do
    asked = query |> Map.merge(from) |> Map.put(:limit, min(limit || 1000, 1000))

    with {:ok, %{"items" => items} = page} <- Connection.call(connection, "GET", path, query: asked) do
      left = limit && limit - length(items)
      next = page["next"]
      pages(connection, path, query, if(next, do: left, else: 0), %{cursor: next}, [items | pages])
    end
  end

  @doc """
  Conversations of the session's agent, newest first: `:project_path` (the session's directory if left out; `nil` for all), `:limit`,
  `:include_worktrees` (true if left out).
  """
  @spec list_sessions(session(), keyword()) :: {:ok, [SessionInfo.t()]} | {:error, Error.t()}
  def list_sessions(session, options \\ []) do
    known = [:project_path, :limit, :include_worktrees, :claude_dir]

    with :ok <- Error.refuse_unknown("list_sessions", options, known),
         :ok <- no_claude_dir("list_sessions", options),
         {:ok, handle} <- Server.handle(session) do
      place = Keyword.get(options, :project_path, handle.cwd)

      query =
        if place,
          do: %{cwd: place, include_worktrees: Keyword.get(options, :include_worktrees, true)},
          else: %{}

      path = Connection.path(["history"])

      with {:ok, items} <-
             pages(handle.connection, path, Map.put(query, :agent, handle.agent), options[:limit], 0) do
        {:ok, Enum.map(items, &SessionInfo.of/1)}
      end
    end
  end

  @doc """
  Takes files back to how they were before a message of the user's (its `uuid`, or an id of Tenure's); `dry_run: true` only tells what that would
  change.
  """
  @spec rewind_files(session(), String.t(), keyword()) :: {:ok, map()} | {:error, Error.t()}
  def rewind_files(session, message, options \\ []) do
    with :ok <- Error.refuse_unknown("rewind_files", options, [:dry_run]),
         body = %{to: message, scope: "files", dry_run: options[:dry_run] == true},
         {:ok, plan} <- call(session, "POST", ["rewind"], body: body) do
      {:ok,
       %{
         can_rewind: plan["possible"],
         error: plan["reason"],
         files_changed: Enum.map(plan["files"] || [], & &1["path"]),
         insertions: plan["insertions"],
         deletions: plan["deletions"]
       }}
    end
  end

  @doc """
  Ends one task in the background; the turn goes on. A stream that is open tells it as a `TaskNotification` with the status `:stopped`; where
  none is, nobody is told, and `Tenure.Follow` shows the event `task.completed`.
  """
  @spec stop_task(session(), String.t()) :: :ok | {:error, Error.t()}
  def stop_task(session, task), do: ok(call(session, "POST", ["tasks", task, "stop"], body: %{}))

  @doc """
  Applies a function where the session lives. That is here, where the daemon is on this machine; elsewhere it is
  `{:error, {:rpc_failed, node}}`, with the daemon's name of its machine.
  """
  @spec execute(session(), module(), atom(), [term()]) :: term()
  def execute(session, module, function, arguments) do
    with {:ok, handle} <- Server.handle(session),
         :here <- place(handle.connection),
         do: apply(module, function, arguments)
  end

  defp place(%{url: nil}), do: :here

  defp place(connection) do
    {:ok, here} = :inet.gethostname()

    case Connection.call(connection, "GET", Connection.path(["info"])) do
      {:ok, %{"node" => node}} ->
        if(Connection.here?(connection) and node == to_string(here),
          do: :here,
          else: {:error, {:rpc_failed, node}}
        )

      {:error, _} ->
        {:error, {:rpc_failed, connection.url}}
    end
  end

  defp get(session), do: call(session, "GET", [])
  defp get!(session), do: with({:error, error} <- get(session), do: raise(error), else: ({:ok, data} -> data))

  defp call(session, method, path, options \\ []) do
    with {:ok, handle} <- Server.handle(session),
         do:
           Connection.call(
             handle.connection,
             method,
             Connection.path(["sessions", handle.id | path]),
             options
           )
  end

  defp ok({:ok, _}), do: :ok
  defp ok(error), do: error
end
