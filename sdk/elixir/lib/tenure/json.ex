defmodule Tenure.Json do
  @moduledoc "JSON by jiffy: objects are maps with strings as keys, null is `nil`."

  @spec encode!(term()) :: iodata()
  def encode!(value), do: :jiffy.encode(value, [:use_nil])

  @spec decode(binary()) :: {:ok, term()} | :error
  def decode(text) do
    {:ok, :jiffy.decode(text, [:return_maps, :use_nil])}
  rescue
    _ -> :error
  catch
    _, _ -> :error
  end
end
