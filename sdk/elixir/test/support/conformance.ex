defmodule Tenure.Conformance do
  @moduledoc """
  The words of the conformance suite of `sdk/conformance`: its cases, names filled in, patterns fitted. What the steps do is the
  business of the modules beside this.
  """
  alias Tenure.Json

  @suite Path.expand("../../../conformance", __DIR__)
  @fields ~w(do with on via as expect fails later steps)

  @doc "The files with their cases, each with the agents that it names."
  def files do
    for file <- Enum.sort(Path.wildcard(Path.join(@suite, "cases/*.json"))) do
      {:ok, cases} = file |> File.read!() |> Json.decode()
      {Path.basename(file, ".json"), for(one <- cases, agent <- Map.keys(one["agents"]), do: {one, agent})}
    end
  end

  @doc "A tool server with one tool."
  def tools, do: Path.join(@suite, "tools.mjs")

  @doc "Refuses what this runner does not know."
  def known!(step) do
    with [odd | _] <- Map.keys(step) -- @fields, do: raise("a step with #{odd}")
  end

  @doc "A value of the data with its names filled in."
  def filled("$" <> name = text, kept) do
    [name | rest] = String.split(name, "/", parts: 2)
    [first | fields] = String.split(name, ".")
    unless Map.has_key?(kept, first), do: raise("there is no #{text}")
    at = Enum.reduce(fields, kept[first], &field/2)
    if rest == [], do: at, else: "#{at}/#{rest}"
  end

  def filled(%{"$script" => script}, _), do: IO.iodata_to_binary(["@@", Json.encode!(script), "@@"])

  def filled(value, kept) when is_map(value),
    do: Map.new(value, fn {name, item} -> {name, filled(item, kept)} end)

  def filled(value, kept) when is_list(value), do: Enum.map(value, &filled(&1, kept))
  def filled(value, _), do: value

  defp field(name, of) when is_list(of), do: Enum.at(of, String.to_integer(name))
  defp field(name, of), do: of[name]

  @doc "Whether a value fits a pattern."
  def fits?(pattern, value) when is_list(pattern) do
    is_list(value) and length(value) == length(pattern) and
      Enum.all?(Enum.zip(pattern, value), fn {one, item} -> fits?(one, item) end)
  end

  def fits?(pattern, value) when is_map(pattern) do
    case Map.to_list(pattern) do
      [{"$" <> word, of}] -> special?(word, of, value)
      fields -> is_map(value) and Enum.all?(fields, fn {name, one} -> fits?(one, value[name]) end)
    end
  end

  def fits?(pattern, value), do: pattern == value

  defp special?("any", _, value), do: value != nil
  defp special?("contains", of, value), do: is_binary(value) and String.contains?(value, of)
  defp special?("count", of, value), do: is_list(value) and length(value) == of
  defp special?("not", of, value), do: not fits?(of, value)
  defp special?("has", of, value), do: is_list(value) and in_order?(of, value)
  defp special?(word, _, _), do: raise("a pattern $#{word}")

  defp in_order?([], _), do: true

  defp in_order?([one | more], items) do
    case Enum.drop_while(items, &(not fits?(one, &1))) do
      [] -> false
      [_ | rest] -> in_order?(more, rest)
    end
  end
end
