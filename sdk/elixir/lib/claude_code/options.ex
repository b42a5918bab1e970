defmodule ClaudeCode.Options do
  @moduledoc """
  Options of a session, and what they are at its creation. One that is not honoured is refused by its name.

  The document's own: `:api_key`, `:cwd`, `:model`, `:effort`, `:permission_mode`, `:allow_dangerously_skip_permissions`, `:system_prompt`,
  `:append_system_prompt`, `:max_turns`, `:max_budget_usd`, `:mcp_servers`, `:env`, `:inherit_env`, `:resume`, `:fork_session`, `:continue`,
  `:can_use_tool`, `:include_partial_messages`, `:enable_file_checkpointing` (the daemon's configuration says, if left out), `:name`. Tenure's: `:agent` (`"claude"`), `:permissions` (as at create), `:tags`, `:title`, `:session` (the
  id of one that is there), `:tenure` (where the daemon is, see `Tenure.Connection.new/1`).
  """
  alias Tenure.Error

  @known [
    :agent,
    :allow_dangerously_skip_permissions,
    :api_key,
    :append_system_prompt,
    :can_use_tool,
    :continue,
    :cwd,
    :effort,
    :enable_file_checkpointing,
    :env,
    :fork_session,
    :include_partial_messages,
    :inherit_env,
    :max_budget_usd,
    :max_turns,
    :mcp_servers,
    :model,
    :name,
    :permission_mode,
    :permissions,
    :resume,
    :session,
    :system_prompt,
    :tags,
    :tenure,
    :title
  ]
  @modes %{
    default: "default",
    accept_edits: "acceptEdits",
    plan: "plan",
    bypass_permissions: "bypassPermissions",
    dont_ask: "dontAsk",
    auto: "auto"
  }
  # What can be said of a conversation that a session here holds already.
  @of_any [
    :agent,
    :can_use_tool,
    :continue,
    :cwd,
    :effort,
    :include_partial_messages,
    :model,
    :name,
    :permission_mode,
    :resume,
    :session,
    :tenure
  ]

  @doc "Refuses what is not honoured."
  @spec check(keyword()) :: :ok | {:error, Error.t()}
  def check(options), do: Error.refuse_unknown("start_link", options, @known)

  @doc "Refuses what only a new session can be told."
  @spec check_held(keyword()) :: :ok | {:error, Error.t()}
  def check_held(options), do: Error.refuse_unknown("start_link of a session that is there", options, @of_any)

  @doc "The mode as its agent calls it."
  @spec mode(atom() | String.t() | nil) :: String.t() | nil
  def mode(nil), do: nil
  def mode(mode), do: Map.get(@modes, mode, to_string(mode))

  @doc "The body of the request that creates it."
  @spec create(keyword()) :: map()
  def create(options) do
    present(%{
      agent: options[:agent] || "claude",
      cwd: Path.expand(options[:cwd] || File.cwd!()),
      model: options[:model],
      effort: options[:effort] && to_string(options[:effort]),
      mode: mode(options[:permission_mode]),
      title: options[:title],
      tags: options[:tags],
      env: env(options),
      inherit_env: options[:inherit_env],
      instructions: presence(%{replace: options[:system_prompt], append: options[:append_system_prompt]}),
      limits: presence(%{turns: options[:max_turns], cost_usd: options[:max_budget_usd]}),
      permissions: permissions(options),
      checkpoints: checkpoints(options[:enable_file_checkpointing]),
      mcp_servers: options[:mcp_servers] && servers(options[:mcp_servers]),
      resume: resume(options)
    })
  end

  @doc "Tool servers by name, as a list."
  @spec servers(map()) :: [map()]
  def servers(servers) do
    for {name, server} <- servers do
      server = Map.new(server, fn {key, value} -> {to_string(key), value} end)
      Map.merge(%{"name" => to_string(name), "type" => "stdio"}, server)
    end
  end

  defp env(options) do
    key = if options[:api_key], do: %{"ANTHROPIC_API_KEY" => options[:api_key]}, else: %{}
    presence(Map.merge(Map.new(options[:env] || %{}), key))
  end

  defp permissions(options) do
    bypass = if options[:allow_dangerously_skip_permissions], do: %{allow_bypass: true}, else: %{}
    presence(Map.merge(Map.new(options[:permissions] || %{}), bypass))
  end

  defp checkpoints(nil), do: nil
  defp checkpoints(true), do: %{mode: "auto"}
  defp checkpoints(false), do: %{mode: "off"}

  defp resume(options) do
    cond do
      options[:resume] -> present(%{native_id: options[:resume], fork: options[:fork_session]})
      options[:continue] -> present(%{latest: true, fork: options[:fork_session]})
      true -> nil
    end
  end

  defp present(map), do: Map.reject(map, fn {_, value} -> value == nil end)
  defp presence(map), do: with(map when map == %{} <- present(map), do: nil)
end
