defmodule Tenure.OddTest do
  @moduledoc "Daemons as they should not be: newer, cut off in a frame, repeating themselves, or speaking nonsense."
  use ExUnit.Case

  alias ClaudeCode.Session
  alias Tenure.{Connection, Error, Follow, Stranger}

  defp connect(answer) do
    {:ok, connection} = Connection.new(url: Stranger.start(answer), token: "t")
    connection
  end

  defp frame(seq, type) do
    event = %{session_id: "s", seq: seq, gseq: seq, type: type, data: %{new_field: 1}}
    "id: #{seq}\nevent: #{type}\ndata: #{Tenure.Json.encode!(event)}\n\n"
  end

  @stream "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"

  test "one that is newer, is cut off in a frame and repeats itself loses and repeats no event" do
    ephemeral = ~s(event: moon.dimmed\ndata: {"type":"moon.dimmed"}\n\n)
    half = String.slice(frame(3, "turn.started"), 0, 40)
    not_ready = ~s({"code":"not_ready","detail":"starting"})

    connection =
      connect([
        [@stream, frame(1, "session.created"), ": a comment\n\n", frame(2, "moon.risen"), ephemeral, half],
        ["HTTP/1.1 503 x\r\ncontent-length: #{byte_size(not_ready)}\r\n\r\n", not_ready],
        [@stream, frame(2, "moon.risen"), frame(3, "turn.started"), "\r\n"],
        [@stream, String.replace(frame(4, "session.destroyed"), "\n", "\r\n")]
      ])

    seen = for event <- Follow.events(connection, "s", after: 0), do: {event["seq"], event["type"]}

    assert seen == [
             {1, "session.created"},
             {2, "moon.risen"},
             {nil, "moon.dimmed"},
             {3, "turn.started"},
             {4, "session.destroyed"}
           ]
  end

  test "one that cuts its chunks anywhere is read whole" do
    whole = frame(1, "session.created") <> frame(2, "session.destroyed")
    chunks = for <<byte <- whole>>, do: ["1\r\n", byte, "\r\n"]

    connection =
      connect(
        ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunks, "0\r\n\r\n"]
        |> IO.iodata_to_binary()
      )

    assert [%{"seq" => 1}, %{"seq" => 2}] = Enum.to_list(Follow.events(connection, "s", []))
  end

  defp sized(status, text), do: "HTTP/1.1 #{status} x\r\ncontent-length: #{byte_size(text)}\r\n\r\n#{text}"

  test "one that is old and lacks a path, or refuses a field, says so by code" do
    healthy = sized(200, ~s({"status":"ok","version":"0.0.1"}))
    lacking = sized(404, ~s({"code":"not_found","detail":"there is no GET /v1/sessions/s/mcp here"}))

    refusing = sized(400, ~s({"code":"invalid","detail":"unknown field `checkpoints`","field":"checkpoints"}))

    start = fn answers, options ->
      Session.start_link([agent: "a", tenure: [url: Stranger.start(answers), token: "t"]] ++ options)
    end

    assert {:error, %Error{code: :invalid, field: "checkpoints", status: 400}} =
             start.([healthy, refusing], enable_file_checkpointing: true)

    created = sized(200, ~s({"id":"s","agent":"a","cwd":"/"}))
    assert {:ok, session} = start.([healthy, created, lacking, refusing, sized(200, "{}")], [])
    assert {:error, %Error{code: :not_found, message: message}} = Session.mcp_status(session)
    assert message =~ "/mcp"

    assert_raise Error, ~r/checkpoints/, fn -> session |> Session.stream("hello") |> Elixir.Stream.run() end

    assert Session.stop(session) == :ok
  end

  test "one that does not come back ends the stream after its patience, and a call as well" do
    url = Stranger.start([[@stream, frame(1, "session.created")]])
    {:ok, connection} = Connection.new(url: url, token: "t", patience_ms: 100)
    events = Follow.events(connection, "s", [])
    test = self()
    lost = catch_error(Enum.each(events, &send(test, {:seen, &1["seq"]})))
    assert %Error{code: :unreachable} = lost
    assert_received {:seen, 1}
    assert {:error, %Error{code: :unreachable}} = Connection.call(connection, "GET", "/v1/info")
  end

  test "nonsense is told by code, and a code that nobody knows is a string" do
    problem = ~s({"code":"teapot","detail":"short and stout"})

    code = fn answer ->
      with({:error, %Error{code: code}} <- Connection.call(connect(answer), "GET", "/v1/info"), do: code)
    end

    assert code.(sized(200, "nonsense")) == :unintelligible
    assert code.(sized(500, "<html>")) == :unintelligible
    assert code.(sized(418, problem)) == "teapot"
    assert code.("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n") == :unintelligible
    assert code.("HTTP/1.1 200 OK\r\n" <> for(n <- 1..1000, into: "", do: "x-#{n}: y\r\n")) == :unintelligible

    assert_raise Error, ~r/frame/, fn ->
      Enum.to_list(Follow.events(connect(@stream <> "id: 1\ndata: {nonsense\n\n"), "s", []))
    end
  end
end
