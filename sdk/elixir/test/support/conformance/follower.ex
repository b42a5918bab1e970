defmodule Tenure.Conformance.Follower do
  @moduledoc "A follower in the background, and what it got."
  use GenServer

  import Tenure.Conformance, only: [fits?: 2]

  alias Tenure.Follow

  def start(connection, session, args),
    do: with({:ok, follower} <- GenServer.start(__MODULE__, {connection, session, args}), do: follower)

  @doc "The next event that fits; of no pattern, the end."
  def until(follower, pattern) do
    case GenServer.call(follower, {:until, pattern}, :infinity) do
      {:ended, why} -> raise "the follower has ended: #{inspect(why)}"
      event -> event
    end
  end

  @doc "Ends it. What it got must be numbered without a hole, and be what stands in the log."
  def exact(follower, log_after) do
    {from, got} = GenServer.call(follower, :got)
    GenServer.stop(follower)
    mine = for %{"seq" => seq} = event when seq != nil <- got, do: event
    seqs = Enum.map(mine, & &1["seq"])
    if seqs != Enum.to_list((from + 1)..(from + length(mine))//1), do: raise("not in order: #{inspect(seqs)}")
    if mine != Enum.take(log_after.(from), length(mine)), do: raise("not what stands in the log")
  end

  @impl true
  def init({connection, session, args}) do
    options = [after: args["after"], deltas: args["deltas"], types: args["types"]]
    {here, from} = {self(), args["after"] || 0}
    # The reader goes with this process, and its socket with it.
    spawn_link(fn -> read(here, Follow.events(connection, session, options)) end)
    {:ok, %{from: from, got: [], passed: 0, ended: nil, asked: nil}}
  end

  defp read(here, events) do
    Enum.each(events, &send(here, {:got, &1}))
    send(here, {:ended, nil})
  rescue
    error -> send(here, {:ended, error})
  end

  @impl true
  def handle_call(:got, _, state), do: {:reply, {state.from, Enum.reverse(state.got)}, state}
  def handle_call({:until, pattern}, from, state), do: {:noreply, look(%{state | asked: {pattern, from}})}

  @impl true
  def handle_info({:got, event}, state), do: {:noreply, look(%{state | got: [event | state.got]})}
  def handle_info({:ended, why}, state), do: {:noreply, look(%{state | ended: {:ended, why}})}

  defp look(%{asked: nil} = state), do: state

  defp look(%{asked: {pattern, from}} = state) do
    new = state.got |> Enum.reverse() |> Enum.drop(state.passed)
    at = pattern && Enum.find_index(new, &fits?(pattern, &1))

    cond do
      at != nil -> tell(from, Enum.at(new, at), %{state | passed: state.passed + at + 1})
      state.ended == {:ended, nil} and pattern == nil -> tell(from, nil, state)
      state.ended != nil -> tell(from, state.ended, state)
      true -> %{state | passed: length(state.got)}
    end
  end

  defp tell(from, told, state) do
    GenServer.reply(from, told)
    %{state | asked: nil}
  end
end
