defmodule Tenure.TestDaemon do
  @moduledoc "A daemon in a scratch home, started by the first that asks, and cleared away with all that it ran."

  @binary Path.expand("../../../../target/debug/tenure", __DIR__)

  def binary, do: System.get_env("TENURE_BIN") || @binary

  @doc "A scratch home, for which `config` is a text, or makes one of the scratch directory."
  def start(config \\ "") do
    scratch = Path.join(System.tmp_dir!(), "tenure-ex-#{System.unique_integer([:positive])}-#{System.pid()}")
    home = Path.join(scratch, "home")
    for name <- ["home", "user", "work"], do: File.mkdir_p!(Path.join(scratch, name))
    File.chmod!(home, 0o700)
    config = if is_function(config), do: config.(scratch), else: config
    File.write!(Path.join(home, "config.toml"), config || "")
    # The daemon inherits it from whoever starts it.
    System.put_env("HOME", Path.join(scratch, "user"))

    ExUnit.Callbacks.on_exit(fn ->
      cli(home, ["up", "--detach"])
      cli(home, ["down", "--all"])
      File.rm_rf!(scratch)
    end)

    %{
      home: home,
      scratch: scratch,
      work: Path.join(scratch, "work"),
      at: [home: home, binary: binary()],
      config: config
    }
  end

  def cli(home, words) do
    env = [{"HOME", Path.expand("../user", home)}]
    System.cmd(binary(), ["--home", home | words], env: env, stderr_to_stdout: true)
  end

  @doc "What the daemon says of itself."
  def file(home) do
    {:ok, file} = home |> Path.join("daemon.json") |> File.read!() |> Tenure.Json.decode()
    file
  end

  def kill9(home), do: {_, 0} = System.cmd("kill", ["-KILL", to_string(file(home)["pid"])])

  @doc "A prompt for the scripted agent."
  def script(steps), do: IO.iodata_to_binary(["@@", Tenure.Json.encode!(steps), "@@"])

  @doc """
  The configuration of Claude Code as the lockfile of tests/agents pins it, asking a scripted model; `nil` where it is not
  installed.
  """
  def claude(scratch) do
    target = Path.dirname(@binary)
    [arch | _] = :erlang.system_info(:system_architecture) |> to_string() |> String.split("-")
    folder = "claude-code-linux-#{if arch == "aarch64", do: "arm64", else: "x64"}"
    program = Path.expand("../../tests/agents/node_modules/@anthropic-ai/#{folder}/claude", target)

    if File.exists?(program),
      do: config(program, scratch, model(target)),
      else: System.get_env("CI") && raise("#{program} is not there: cargo xtask install-agents")
  end

  # It is ended with the tests, by its own process id.
  defp model(target) do
    port = Port.open({:spawn_executable, Path.join(target, "tenure-model")}, [:binary, {:line, 200}])
    {:os_pid, pid} = Port.info(port, :os_pid)
    ExUnit.Callbacks.on_exit(fn -> System.cmd("kill", [to_string(pid)]) end)

    receive do
      {^port, {:data, {:eol, url}}} -> url
    after
      30_000 -> raise "the model has not started"
    end
  end

  defp config(program, scratch, url) do
    home = Path.join(scratch, "claude")
    File.mkdir_p!(Path.join(home, "tmp"))

    env = [
      HOME: home,
      PATH: "/usr/local/bin:/usr/bin:/bin",
      TMPDIR: Path.join(home, "tmp"),
      CLAUDE_CONFIG_DIR: Path.join(home, ".claude"),
      CLAUDE_CODE_TMPDIR: Path.join(home, "tmp"),
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_API_KEY: "sk-ant-not-a-key",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_AUTOUPDATER: "1",
      DISABLE_TELEMETRY: "1",
      DISABLE_ERROR_REPORTING: "1"
    ]

    pairs = Enum.map_join(env, ", ", fn {name, value} -> "#{name} = #{inspect(value)}" end)

    """
    [history.claude]
    roots = [#{inspect(Path.join(home, ".claude"))}]
    [agents.claude]
    protocol = "claude"
    command = [#{inspect(program)}]
    inherit_env = []
    env = { #{pairs} }
    """
  end
end
