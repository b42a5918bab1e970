defmodule Tenure.Stranger do
  @moduledoc "Something that listens on loopback and answers as it is told: what is no daemon, or an odd one."

  @doc "Its address. It answers with these bytes, with JSON by path, or with what is given for each request by its turn."
  def start(answer) do
    {:ok, listening} = :gen_tcp.listen(0, [:binary, active: false, ip: {127, 0, 0, 1}, reuseaddr: true])
    {:ok, port} = :inet.port(listening)
    {:ok, pid} = Task.start_link(fn -> serve(listening, answer) end)
    :ok = :gen_tcp.controlling_process(listening, pid)
    "http://127.0.0.1:#{port}"
  end

  defp serve(listening, answer) do
    {:ok, socket} = :gen_tcp.accept(listening)
    {:ok, asked} = :gen_tcp.recv(socket, 0)
    {now, then} = with([first | more] <- answer, do: {first, more}, else: (_ -> {answer, answer}))
    :gen_tcp.send(socket, reply(now, asked))
    :gen_tcp.close(socket)
    serve(listening, then)
  end

  defp reply(bytes, _) when is_binary(bytes) or is_list(bytes), do: bytes

  defp reply(by_path, asked) do
    body = asked |> String.split(" ") |> Enum.at(1) |> by_path.()
    ["HTTP/1.1 200 OK\r\ncontent-length: ", Integer.to_string(byte_size(body)), "\r\n\r\n", body]
  end
end
