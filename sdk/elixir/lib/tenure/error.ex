defmodule Tenure.Error do
  @moduledoc """
  Whatever went wrong, by its `code`: one of the daemon's own (`:not_found`, `:closed`, `:unsupported`, …; a code that this
  version does not know is a string), or one that only this side can see:

  - `:unreachable`: no daemon answers;
  - `:not_started`: a daemon was started and did not get ready, or there is no `tenure` program;
  - `:unintelligible`: what answers is no Tenure daemon, or cannot be read;
  - `:cancelled`: the input was taken back before a turn took it;
  - `:usage`: the call itself makes no sense here.
  """
  defexception [:code, :message, :status, :field, :capability, :agent, :session_id, :data]

  @type t :: %__MODULE__{
          code: atom() | String.t(),
          message: String.t(),
          status: non_neg_integer() | nil,
          field: String.t() | nil,
          capability: String.t() | nil,
          agent: String.t() | nil,
          session_id: String.t() | nil,
          data: term()
        }

  @codes ~w(not_found conflict busy closed invalid unauthorized forbidden unsupported not_ready overloaded timeout
            destroyed agent_exited agent_missing auth_required rate_limited too_large cursor_expired storage internal)a
  @known Map.new(@codes, &{Atom.to_string(&1), &1})

  @doc "An error of this side."
  @spec new(atom(), String.t(), keyword()) :: t()
  def new(code, message, more \\ []), do: struct!(__MODULE__, [code: code, message: message] ++ more)

  @doc "The daemon's problem as an error; `nil` if it is none."
  @spec of_problem(non_neg_integer(), term()) :: t() | nil
  def of_problem(status, %{"code" => code, "detail" => detail} = problem)
      when is_binary(code) and is_binary(detail) do
    %__MODULE__{
      code: Map.get(@known, code, code),
      message: detail,
      status: status,
      field: problem["field"],
      capability: problem["capability"],
      agent: problem["agent"],
      session_id: problem["session_id"],
      data: problem["data"]
    }
  end

  def of_problem(_status, _other), do: nil

  @doc "A call with an option that is not honoured."
  @spec refuse_unknown(String.t(), keyword(), [atom()]) :: :ok | {:error, t()}
  def refuse_unknown(call, options, known) do
    case Enum.find(options, fn {name, _} -> name not in known end) do
      nil -> :ok
      {name, _} -> {:error, new(:usage, "#{call} does not take `#{inspect(name)}`", field: to_string(name))}
    end
  end
end
