defmodule ClaudeCode.Shape do
  @moduledoc false
  # How Tenure's messages and results become those of the document.
  alias ClaudeCode.Content.{TextBlock, ThinkingBlock, ToolResultBlock, ToolUseBlock}
  alias ClaudeCode.History.SessionMessage
  alias ClaudeCode.Message.{AssistantMessage, PartialAssistantMessage, ResultMessage, UserMessage}
  alias ClaudeCode.Message.SystemMessage.{TaskNotification, TaskProgress, TaskStarted}

  @ends %{"completed" => :completed, "failed" => :failed, "stopped" => :stopped}

  def assistant(data, parts, native) do
    %AssistantMessage{
      type: :assistant,
      message: %{
        id: data["message_id"],
        type: :message,
        role: :assistant,
        content: blocks(parts),
        model: data["model"],
        usage: data["usage"]
      },
      session_id: native,
      uuid: data["message_id"],
      parent_tool_use_id: data["parent_tool_id"]
    }
  end

  def tool_use(tool, native) do
    assistant(
      %{"message_id" => tool["message_id"], "parent_tool_id" => tool["parent_tool_id"]},
      [Map.put(tool, "type", "tool")],
      native
    )
  end

  def tool_result(tool, native) do
    failed = tool["state"] != "completed"
    content = if failed, do: tool["error"] || tool["state"], else: tool["output"]

    block = %ToolResultBlock{
      type: :tool_result,
      tool_use_id: tool["tool_id"],
      content: content,
      is_error: failed
    }

    %UserMessage{
      type: :user,
      message: %{role: :user, content: [block]},
      session_id: native,
      tool_use_result: tool["output"]
    }
  end

  def piece(kind, text, data, native) do
    delta =
      if kind == "text", do: %{type: :text_delta, text: text}, else: %{type: :thinking_delta, thinking: text}

    event = %{type: :content_block_delta, index: index(data["part_id"]), delta: delta}
    %PartialAssistantMessage{type: :stream_event, event: event, session_id: native, uuid: data["message_id"]}
  end

  # What a task is in the document; `tool` is the call that has started it, where that is known.
  def task("started", data, tool, native) do
    %TaskStarted{
      type: :system,
      subtype: :task_started,
      task_id: data["task_id"],
      tool_use_id: tool,
      description: data["title"],
      task_type: data["kind"],
      session_id: native
    }
  end

  def task("progressed", data, tool, native) do
    %TaskProgress{
      type: :system,
      subtype: :task_progress,
      task_id: data["task_id"],
      tool_use_id: tool,
      description: data["title"],
      session_id: native
    }
  end

  def task("completed", data, tool, native) do
    %TaskNotification{
      type: :system,
      subtype: :task_notification,
      task_id: data["task_id"],
      tool_use_id: tool,
      status: Map.get(@ends, data["status"], :failed),
      output_file: data["output"]["path"],
      summary: data["summary"],
      session_id: native
    }
  end

  # `MESSAGE.NUMBER`
  defp index(part) do
    with number when is_binary(number) <- part |> String.split(".") |> List.last(),
         {index, ""} <- Integer.parse(number),
         do: index,
         else: (_ -> 0)
  end

  def result(result, native, duration_ms) do
    {subtype, is_error} = subtype(result)
    error = result["error"]

    %ResultMessage{
      type: :result,
      subtype: subtype,
      is_error: is_error,
      duration_ms: duration_ms,
      num_turns: 1,
      result: result["text"],
      session_id: native,
      total_cost_usd: result["cost_usd"],
      usage: result["usage"],
      uuid: result["turn_id"],
      stop_reason: result["stop_reason"],
      errors:
        if(is_error, do: [(error && error["message"]) || "the turn was #{result["outcome"]}"], else: []),
      outcome: result["outcome"],
      error_code: error && error["code"]
    }
  end

  defp subtype(%{"outcome" => "completed"}), do: {:success, false}
  defp subtype(%{"outcome" => "interrupted"}), do: {:interrupted, true}
  defp subtype(%{"outcome" => "limit", "limit" => "turns"}), do: {:error_max_turns, true}
  defp subtype(%{"outcome" => "limit", "limit" => "budget"}), do: {:error_max_budget_usd, true}
  defp subtype(_), do: {:error_during_execution, true}

  def stored(message, native) do
    role = if message["role"] == "assistant", do: :assistant, else: :user
    # A rewind takes the agent's own id as well as ours.
    uuid = List.first(message["native_ids"] || []) || message["id"]
    content = if role == :user, do: message["text"], else: blocks(message["parts"])

    %SessionMessage{
      type: role,
      uuid: uuid,
      session_id: native,
      message: %{role: role, content: content},
      parent_tool_use_id: message["parent_tool_id"]
    }
  end

  def blocks(parts) do
    Enum.flat_map(parts, fn
      %{"type" => "text", "text" => text} ->
        [%TextBlock{type: :text, text: text}]

      %{"type" => "thought", "text" => text} ->
        [%ThinkingBlock{type: :thinking, thinking: text}]

      %{"type" => "tool"} = tool ->
        [%ToolUseBlock{type: :tool_use, id: tool["tool_id"], name: tool["tool"], input: tool["input"] || %{}}]

      _ ->
        []
    end)
  end

  def milliseconds(nil), do: nil

  def milliseconds(text) do
    case DateTime.from_iso8601(text) do
      {:ok, time, _} -> DateTime.to_unix(time, :millisecond)
      _ -> nil
    end
  end
end
