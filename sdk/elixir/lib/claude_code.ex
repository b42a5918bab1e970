defmodule ClaudeCode do
  @moduledoc "The beginning: a session, or one question without one. See `ClaudeCode.Session`."
  alias ClaudeCode.Session

  @doc "Starts a session, see `ClaudeCode.Session.start_link/1`."
  defdelegate start_link(options \\ []), to: Session

  @doc false
  defdelegate child_spec(options), to: Session

  @doc "Says something, see `ClaudeCode.Session.stream/3`."
  defdelegate stream(session, prompt, options \\ []), to: Session

  @doc "Closes a session."
  defdelegate stop(session), to: Session

  @doc "Asks once, in a session of its own that is closed after it: `{:ok, result}`, or `{:error, result or error}`."
  @spec query(String.t(), keyword()) :: {:ok, ClaudeCode.Message.ResultMessage.t()} | {:error, term()}
  def query(prompt, options \\ []) do
    with {:ok, session} <- start_link(options) do
      try do
        result = session |> stream(prompt) |> ClaudeCode.Stream.final_result()
        if result.is_error, do: {:error, result}, else: {:ok, result}
      rescue
        error in Tenure.Error -> {:error, error}
      after
        stop(session)
      end
    end
  end
end
