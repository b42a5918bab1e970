defmodule ClaudeCode.Stream do
  @moduledoc "Makes something of a stream of messages. All but the last four are lazy."
  import Kernel, except: [tap: 2]

  alias ClaudeCode.Content.{TextBlock, ThinkingBlock, ToolResultBlock, ToolUseBlock}
  alias ClaudeCode.Message.{AssistantMessage, PartialAssistantMessage, ResultMessage, UserMessage}

  @doc "What the agent said, a text for each block."
  @spec text_content(Enumerable.t()) :: Enumerable.t()
  def text_content(stream),
    do: blocks(stream, fn block -> with %TextBlock{text: text} <- block, do: [text], else: (_ -> []) end)

  @doc "What it thought."
  @spec thinking_content(Enumerable.t()) :: Enumerable.t()
  def thinking_content(stream),
    do:
      blocks(stream, fn block -> with %ThinkingBlock{thinking: text} <- block, do: [text], else: (_ -> []) end)

  @doc "The calls of tools."
  @spec tool_uses(Enumerable.t()) :: Enumerable.t()
  def tool_uses(stream),
    do: blocks(stream, fn block -> with %ToolUseBlock{} = use <- block, do: [use], else: (_ -> []) end)

  @doc "Pieces of text as they are written, with `include_partial_messages: true`."
  @spec text_deltas(Enumerable.t()) :: Enumerable.t()
  def text_deltas(stream), do: deltas(stream, :text)

  @doc "Pieces of thoughts."
  @spec thinking_deltas(Enumerable.t()) :: Enumerable.t()
  def thinking_deltas(stream), do: deltas(stream, :thinking)

  @doc "Messages of one type: `:assistant`, `:user`, `:stream_event`, `:system` (tasks), `:result`."
  @spec filter_type(Enumerable.t(), atom()) :: Enumerable.t()
  def filter_type(stream, type), do: Stream.filter(stream, &(&1.type == type))

  @doc "Calls a function with each message."
  @spec tap(Enumerable.t(), (ClaudeCode.Message.t() -> any())) :: Enumerable.t()
  def tap(stream, fun) when is_function(fun, 1), do: Stream.each(stream, fun)

  @doc "Calls a function with each call of a tool."
  @spec on_tool_use(Enumerable.t(), (ToolUseBlock.t() -> any())) :: Enumerable.t()
  def on_tool_use(stream, fun) when is_function(fun, 1) do
    tap(stream, fn message -> Enum.each(content(message), &with(%ToolUseBlock{} <- &1, do: fun.(&1))) end)
  end

  @doc "All up to the first result, and the result."
  @spec until_result(Enumerable.t()) :: Enumerable.t()
  def until_result(stream) do
    Stream.transform(stream, false, fn
      _, true -> {:halt, true}
      message, false -> {[message], match?(%ResultMessage{}, message)}
    end)
  end

  @doc "The text of the result."
  @spec final_text(Enumerable.t()) :: String.t() | nil
  def final_text(stream), do: with(%ResultMessage{result: text} <- final_result(stream), do: text)

  @doc "The result."
  @spec final_result(Enumerable.t()) :: ResultMessage.t() | nil
  def final_result(stream), do: Enum.find(stream, &match?(%ResultMessage{}, &1))

  @doc "What the results of a tool were."
  @spec tool_results_by_name(Enumerable.t(), String.t()) :: [ToolResultBlock.t()]
  def tool_results_by_name(stream, name),
    do: for({%{name: ^name}, %ToolResultBlock{} = given} <- collect(stream).tool_calls, do: given)

  @doc "All of it in one map: text, thinking, calls with what they gave, and how it ended."
  @spec collect(Enumerable.t()) :: map()
  def collect(stream) do
    messages = Enum.to_list(stream)
    all = Enum.flat_map(messages, &content/1)
    given = for %ToolResultBlock{} = block <- all, into: %{}, do: {block.tool_use_id, block}
    result = Enum.find(messages, %{}, &match?(%ResultMessage{}, &1))

    %{
      text: for(%TextBlock{text: text} <- all, into: "", do: text),
      thinking: for(%ThinkingBlock{thinking: text} <- all, into: "", do: text),
      tool_calls: for(%ToolUseBlock{} = use <- all, do: {use, given[use.id]}),
      result: Map.get(result, :result),
      is_error: Map.get(result, :is_error, false),
      session_id: Map.get(result, :session_id),
      usage: Map.get(result, :usage),
      total_cost_usd: Map.get(result, :total_cost_usd),
      stop_reason: Map.get(result, :stop_reason),
      num_turns: Map.get(result, :num_turns)
    }
  end

  defp blocks(stream, pick),
    do: Stream.flat_map(stream, fn message -> message |> content() |> Enum.flat_map(pick) end)

  defp content(%AssistantMessage{message: %{content: content}}), do: content
  defp content(%UserMessage{message: %{content: content}}) when is_list(content), do: content
  defp content(_), do: []

  defp deltas(stream, kind) do
    Stream.flat_map(stream, fn
      %PartialAssistantMessage{event: %{delta: %{^kind => text}}} -> [text]
      _ -> []
    end)
  end
end
