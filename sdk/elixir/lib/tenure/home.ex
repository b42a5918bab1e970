defmodule Tenure.Home do
  @moduledoc "The daemon's home as files, and the program that starts a daemon. Nothing here connects."
  alias Tenure.Error

  @start_ms 30_000

  @doc "`given`, else `TENURE_HOME`, else `tenure` in the XDG state directory."
  @spec choose(String.t() | nil) :: String.t()
  def choose(given) do
    state = env("XDG_STATE_HOME")

    base =
      if state && Path.type(state) == :absolute,
        do: state,
        else: Path.join(System.user_home!(), ".local/state")

    Path.expand(given || env("TENURE_HOME") || Path.join(base, "tenure"))
  end

  @doc "Its Unix socket and whether a daemon has left without saying so; `nil` if none says that it runs."
  @spec socket(String.t()) :: String.t() | nil
  def socket(home) do
    with {:ok, text} <- File.read(Path.join(home, "daemon.json")),
         {:ok, %{"socket" => socket}} when is_binary(socket) <- Tenure.Json.decode(text) do
      socket
    else
      _ -> nil
    end
  end

  @doc "Starts a daemon; of two that start one at once the loser waits for the winner."
  @spec start(String.t(), String.t() | nil) :: :ok | {:error, Error.t()}
  def start(home, binary) do
    program = binary || env("TENURE_BIN") || "tenure"

    case System.find_executable(program) do
      nil -> fail("there is no `#{program}`; install it, or name it by TENURE_BIN or `binary`")
      path -> run(path, home)
    end
  end

  # In a task, so that a daemon that does not get ready is not waited for without an end.
  defp run(path, home) do
    task = Task.async(fn -> System.cmd(path, ["--home", home, "up", "--detach"], stderr_to_stdout: true) end)

    case Task.yield(task, @start_ms) || Task.shutdown(task, :brutal_kill) do
      {:ok, {_, 0}} -> :ok
      {:ok, {words, code}} -> fail("`#{path} up --detach` ended with #{code}: #{String.trim(words)}")
      _ -> fail("`#{path} up --detach` has not come to an end in #{div(@start_ms, 1000)} s")
    end
  end

  defp fail(why), do: {:error, Error.new(:not_started, "the daemon did not start: #{why}")}
  defp env(name), do: with("" <- System.get_env(name, ""), do: nil)
end
