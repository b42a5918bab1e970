defmodule ClaudeCode.Message do
  @moduledoc "What a stream yields, in the words of its document. Made of Tenure's events; of any agent, not of Claude Code alone."

  alias ClaudeCode.Message.{AssistantMessage, PartialAssistantMessage, ResultMessage, UserMessage}
  alias ClaudeCode.Message.SystemMessage.{TaskNotification, TaskProgress, TaskStarted}

  @type t ::
          AssistantMessage.t()
          | UserMessage.t()
          | PartialAssistantMessage.t()
          | ResultMessage.t()
          | TaskStarted.t()
          | TaskProgress.t()
          | TaskNotification.t()
end

defmodule ClaudeCode.Message.SystemMessage.TaskStarted do
  @moduledoc "A command in the background, or a subagent, has begun."
  @enforce_keys [:type, :subtype, :session_id, :task_id]
  defstruct [:type, :subtype, :task_id, :tool_use_id, :description, :task_type, :prompt, :uuid, :session_id]

  @type t :: %__MODULE__{type: :system, subtype: :task_started, task_id: String.t()}
end

defmodule ClaudeCode.Message.SystemMessage.TaskProgress do
  @moduledoc "What a task is at; with `include_partial_messages: true`, as pieces are."
  @enforce_keys [:type, :subtype, :session_id, :task_id]
  defstruct [
    :type,
    :subtype,
    :task_id,
    :tool_use_id,
    :description,
    :usage,
    :last_tool_name,
    :summary,
    :uuid,
    :session_id
  ]

  @type t :: %__MODULE__{type: :system, subtype: :task_progress, task_id: String.t()}
end

defmodule ClaudeCode.Message.SystemMessage.TaskNotification do
  @moduledoc "A task has ended. `output_file` is the agent's own file with what it wrote, if it has one; nobody tells `usage`."
  @enforce_keys [:type, :subtype, :session_id, :task_id, :status]
  defstruct [
    :type,
    :subtype,
    :task_id,
    :tool_use_id,
    :status,
    :output_file,
    :summary,
    :usage,
    :uuid,
    :session_id
  ]

  @type t :: %__MODULE__{
          type: :system,
          subtype: :task_notification,
          task_id: String.t(),
          status: :completed | :failed | :stopped,
          output_file: String.t() | nil,
          summary: String.t() | nil
        }
end

defmodule ClaudeCode.Message.AssistantMessage do
  @moduledoc "Something that the agent said, whole."
  @enforce_keys [:type, :message, :session_id]
  defstruct [:type, :message, :session_id, :uuid, :parent_tool_use_id, :error]

  @type t :: %__MODULE__{type: :assistant, message: map(), session_id: String.t() | nil}
end

defmodule ClaudeCode.Message.UserMessage do
  @moduledoc "What a tool gave."
  @enforce_keys [:type, :message, :session_id]
  defstruct [
    :type,
    :message,
    :session_id,
    :uuid,
    :parent_tool_use_id,
    :tool_use_result,
    is_synthetic: false,
    is_replay: false
  ]

  @type t :: %__MODULE__{type: :user, message: map(), session_id: String.t() | nil}
end

defmodule ClaudeCode.Message.PartialAssistantMessage do
  @moduledoc "A piece of what is being written, with `include_partial_messages: true`. The pieces add up to what is said."
  @enforce_keys [:type, :event, :session_id]
  defstruct [:type, :event, :session_id, :parent_tool_use_id, :uuid]

  @type t :: %__MODULE__{type: :stream_event, event: map(), session_id: String.t() | nil}
end

defmodule ClaudeCode.Message.ResultMessage do
  @moduledoc """
  How the turn ended. Costs and times that nobody told are `nil`, never 0. `outcome` and `error_code` are Tenure's own words for it, of which
  there are more than of `subtype`: a turn that failed and one whose agent died are both `:error_during_execution`.
  """
  @enforce_keys [:type, :subtype, :is_error, :session_id]
  defstruct [
    :type,
    :subtype,
    :is_error,
    :duration_ms,
    :duration_api_ms,
    :num_turns,
    :result,
    :session_id,
    :total_cost_usd,
    :usage,
    :uuid,
    :stop_reason,
    :errors,
    :outcome,
    :error_code
  ]

  @type t :: %__MODULE__{
          type: :result,
          subtype:
            :success | :error_during_execution | :error_max_turns | :error_max_budget_usd | :interrupted,
          is_error: boolean(),
          result: String.t() | nil,
          session_id: String.t() | nil,
          outcome: String.t(),
          error_code: String.t() | nil
        }

  defimpl String.Chars do
    def to_string(%{is_error: true, errors: [first | _]}), do: first
    def to_string(message), do: message.result || ""
  end
end

defmodule ClaudeCode.Content.TextBlock do
  @moduledoc "Text."
  @enforce_keys [:type, :text]
  defstruct [:type, :text, :citations]
  @type t :: %__MODULE__{type: :text, text: String.t()}
end

defmodule ClaudeCode.Content.ThinkingBlock do
  @moduledoc "A thought."
  @enforce_keys [:type, :thinking]
  defstruct [:type, :thinking, :signature]
  @type t :: %__MODULE__{type: :thinking, thinking: String.t()}
end

defmodule ClaudeCode.Content.ToolUseBlock do
  @moduledoc "A call of a tool."
  @enforce_keys [:type, :id, :name, :input]
  defstruct [:type, :id, :name, :input, :caller]
  @type t :: %__MODULE__{type: :tool_use, id: String.t(), name: String.t(), input: term()}
end

defmodule ClaudeCode.Content.ToolResultBlock do
  @moduledoc "What a call gave."
  @enforce_keys [:type, :tool_use_id, :content, :is_error]
  defstruct [:type, :tool_use_id, :content, :is_error]
  @type t :: %__MODULE__{type: :tool_result, tool_use_id: String.t(), content: term(), is_error: boolean()}
end
