defmodule ClaudeCode.Session.AccountInfo do
  @moduledoc "With whose account the agent works."
  defstruct [:email, :organization, :subscription_type, :token_source, :api_key_source]
  @type t :: %__MODULE__{}

  @doc false
  def of(nil), do: nil

  def of(account) do
    %__MODULE__{
      email: account["email"],
      organization: account["organization"],
      subscription_type: account["plan"],
      token_source: account["token_source"],
      api_key_source: account["key_source"]
    }
  end
end

defmodule ClaudeCode.Session.SlashCommand do
  @moduledoc "A command of the agent's own."
  defstruct [:name, :description, :argument_hint]
  @type t :: %__MODULE__{}

  @doc false
  def of(command) do
    %__MODULE__{
      name: command["name"],
      description: command["description"],
      argument_hint: command["argument_hint"]
    }
  end
end

defmodule ClaudeCode.Session.AgentInfo do
  @moduledoc "A subagent."
  defstruct [:name, :description, :model]
  @type t :: %__MODULE__{}

  @doc false
  def of(agent),
    do: %__MODULE__{name: agent["name"], description: agent["description"], model: agent["model"]}
end

defmodule ClaudeCode.Model.Info do
  @moduledoc "A model that the agent can be set to."
  defstruct [:value, :display_name, :description, supports_effort: false, supported_effort_levels: []]
  @type t :: %__MODULE__{}

  @doc false
  def of(model) do
    efforts = model["efforts"] || []

    %__MODULE__{
      value: model["id"],
      display_name: model["name"],
      description: model["description"],
      supports_effort: efforts != [],
      supported_effort_levels: efforts
    }
  end
end

defmodule ClaudeCode.MCP.Status do
  @moduledoc "How a tool server stands."
  defstruct [:name, :status, :server_info, :error, :config, :scope, :tools]
  @type t :: %__MODULE__{status: :connected | :failed | :needs_auth | :pending | :disabled}

  @states Map.new(~w(connected failed needs_auth pending disabled)a, &{Atom.to_string(&1), &1})

  @doc false
  def of(server) do
    %__MODULE__{
      name: server["name"],
      status: Map.get(@states, server["status"], server["status"]),
      server_info: server["server_info"],
      error: server["error"],
      config: %{"type" => server["type"]},
      scope: server["scope"],
      tools: server["tools"] || []
    }
  end
end

defmodule ClaudeCode.History.SessionInfo do
  @moduledoc "A conversation of the past. Times in milliseconds since 1970, sizes in bytes."
  defstruct [
    :session_id,
    :summary,
    :last_modified,
    :file_size,
    :custom_title,
    :first_prompt,
    :git_branch,
    :cwd
  ]

  @type t :: %__MODULE__{}

  @doc false
  def of(entry) do
    %__MODULE__{
      session_id: entry["native_id"],
      summary: entry["title"] || entry["first_input"],
      last_modified: ClaudeCode.Shape.milliseconds(entry["updated_at"]),
      file_size: entry["size_bytes"],
      custom_title: entry["custom_title"],
      first_prompt: entry["first_input"],
      git_branch: entry["git_branch"],
      cwd: entry["cwd"]
    }
  end
end

defmodule ClaudeCode.History.SessionMessage do
  @moduledoc "A message of a conversation."
  defstruct [:type, :uuid, :session_id, :message, :parent_tool_use_id]
  @type t :: %__MODULE__{type: :user | :assistant}
end
