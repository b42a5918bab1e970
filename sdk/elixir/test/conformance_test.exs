# The conformance suite of sdk/conformance, carried out with this client: a module for each file, a test for each case and agent.
for {file, cases} <- Tenure.Conformance.files() do
  defmodule Module.concat(Tenure.ConformanceTest, Macro.camelize(file)) do
    @moduledoc false
    use ExUnit.Case, async: true

    alias Tenure.Conformance.Run
    alias Tenure.TestDaemon

    for {one, agent} <- cases do
      @tag timeout: 600_000
      test "#{one["name"]} (#{agent})" do
        {one, agent} = unquote(Macro.escape({one, agent}))
        daemon = TestDaemon.start(if agent == "claude", do: &TestDaemon.claude/1, else: "")

        if daemon.config,
          do: Run.run(daemon, one, agent),
          else: IO.puts("Claude Code is not installed: cargo xtask install-agents")
      end
    end
  end
end
