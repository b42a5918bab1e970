defmodule Tenure.TestDaemon do
  @moduledoc "A daemon in a scratch home, started by the first that asks, and cleared away with all that it ran."

  @binary Path.expand("../../../../target/debug/tenure", __DIR__)

  def binary, do: System.get_env("TENURE_BIN") || @binary

  @doc "A scratch home; `dir` below it is for the test."
  def start(config \\ "") do
    scratch = Path.join(System.tmp_dir!(), "tenure-ex-#{System.unique_integer([:positive])}-#{System.pid()}")
    home = Path.join(scratch, "home")
    for name <- ["home", "user", "work"], do: File.mkdir_p!(Path.join(scratch, name))
    File.chmod!(home, 0o700)
    File.write!(Path.join(home, "config.toml"), config)
    # The daemon inherits it from whoever starts it.
    System.put_env("HOME", Path.join(scratch, "user"))

    ExUnit.Callbacks.on_exit(fn ->
      cli(home, ["up", "--detach"])
      cli(home, ["down", "--all"])
      File.rm_rf!(scratch)
    end)

    %{home: home, scratch: scratch, work: Path.join(scratch, "work"), at: [home: home, binary: binary()]}
  end

  def cli(home, words), do: System.cmd(binary(), ["--home", home | words], stderr_to_stdout: true)

  def kill9(home) do
    {:ok, %{"pid" => pid}} = home |> Path.join("daemon.json") |> File.read!() |> Tenure.Json.decode()
    {_, 0} = System.cmd("kill", ["-KILL", to_string(pid)])
  end

  @doc "A prompt for the scripted agent."
  def script(steps), do: IO.iodata_to_binary(["@@", Tenure.Json.encode!(steps), "@@"])
end
