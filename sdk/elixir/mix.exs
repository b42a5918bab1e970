defmodule Tenure.MixProject do
  use Mix.Project

  def project do
    [
      app: :tenure,
      version: "0.1.0",
      elixir: "~> 1.14",
      elixirc_paths: if(Mix.env() == :test, do: ["lib", "test/support"], else: ["lib"]),
      elixirc_options: [warnings_as_errors: true],
      deps: []
    ]
  end

  # jiffy comes with the system (Debian: erlang-jiffy), not from a package index.
  def application, do: [extra_applications: [:logger, :crypto, :jiffy]]
end
