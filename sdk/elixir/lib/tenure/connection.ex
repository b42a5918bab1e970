defmodule Tenure.Connection do
  @moduledoc """
  Asks one daemon, wherever it is at the moment: by its home's Unix socket (and starts one there if it may), by a socket, or
  by address and token. A request whose connection broke is sent again: by its method, its key or an id in its body it is the
  same one. It holds no process and no socket.
  """
  alias Tenure.{Error, Home, Json, Wire}

  @patience_ms 10_000
  @pause_ms 50

  defstruct [:home, :socket, :url, :token, :binary, :patience_ms, start: true]

  @type t :: %__MODULE__{}
  @options [:home, :socket, :url, :token, :binary, :start, :patience_ms]

  @doc """
  Where the daemon is: `:home` (and `:binary`, `:start`), or `:socket`, or `:url` and `:token`. `:patience_ms` is how long one that was
  lost is looked for: 60 s by a stream, 10 s by a call, if left out.
  """
  @spec new(keyword()) :: {:ok, t()} | {:error, Error.t()}
  def new(options \\ []) do
    with :ok <- Error.refuse_unknown("the connection", options, @options) do
      connection = struct!(__MODULE__, options)
      home = if connection.url || connection.socket, do: nil, else: Home.choose(connection.home)

      with {:ok, _} <- place(%{connection | home: nil, socket: connection.socket || ""}),
           do: {:ok, %{connection | home: home}}
    end
  end

  @doc "Whether a daemon answers, which is started if it may be. One that was never there is not waited for."
  @spec reach(t()) :: :ok | {:error, Error.t()}
  def reach(connection) do
    case once(connection, "GET", "/healthz", [], []) do
      {:ok, %{"version" => _}} -> :ok
      {:ok, _} -> {:error, Error.new(:unintelligible, "what answers is no Tenure daemon")}
      error -> error
    end
  end

  @doc "Asks, and reads the answer's JSON. `query`, `body`, `wait_ms`, `key: false` for what is repeatable by an id of its own."
  @spec call(t(), String.t(), String.t(), keyword()) :: {:ok, term()} | {:error, Error.t()}
  def call(connection, method, path, options \\ []) do
    key =
      if method == "POST" and Keyword.get(options, :key, true), do: [{"idempotency-key", id("key")}], else: []

    attempt(connection, method, path, key, options, now() + (connection.patience_ms || @patience_ms))
  end

  defp now, do: System.monotonic_time(:millisecond)

  defp attempt(connection, method, path, headers, options, deadline) do
    with {:error, %{code: code} = error} <- once(connection, method, path, headers, options) do
      if (code in [:unreachable, :not_ready] or key_busy?(error)) and may_come?(connection) and
           now() < deadline do
        Process.sleep(@pause_ms)
        attempt(connection, method, path, headers, options, deadline)
      else
        {:error, error}
      end
    end
  end

  # What a repeated request meets while the first one still runs.
  defp key_busy?(error), do: error.code == :busy and error.message =~ ~r/Idempotency-Key/i

  # Whoever has no home cannot start one, but a daemon that is restarted there is back in a moment.
  defp may_come?(connection), do: connection.home == nil or Home.socket(connection.home) != nil

  defp once(connection, method, path, headers, options) do
    {body, type} =
      case Keyword.fetch(options, :body) do
        {:ok, body} -> {Json.encode!(body), [{"content-type", "application/json"}]}
        :error -> {nil, []}
      end

    wait_ms = Keyword.get(options, :wait_ms, Wire.usual_ms())

    with {:ok, wire} <- open(connection, method, path, options[:query], type ++ headers, body, wait_ms),
         {:ok, bytes} <- Wire.all(wire, wait_ms) do
      case Json.decode(bytes) do
        {:ok, value} ->
          {:ok, value}

        :error ->
          {:error,
           Error.new(:unintelligible, "the answer is no JSON; is this a Tenure daemon, and of this version?")}
      end
    end
  end

  @doc "Asks for bytes, as they are: files, transcripts, large parts."
  @spec bytes(t(), String.t(), map() | nil) :: {:ok, binary()} | {:error, Error.t()}
  def bytes(connection, path, query \\ nil) do
    with {:ok, wire} <- open(connection, "GET", path, query, [], nil, Wire.usual_ms()),
         do: Wire.all(wire, Wire.usual_ms())
  end

  @doc "Opens a request whose good answer is read by the caller; a bad one is the error that it tells."
  @spec open(t(), String.t(), String.t(), map() | nil, [{String.t(), String.t()}], iodata() | nil, timeout()) ::
          {:ok, Wire.t()} | {:error, Error.t()}
  def open(connection, method, path, query, headers, body, wait_ms) do
    with {:ok, found} <- found(connection),
         {:ok, wire} <-
           Wire.open(found, method, target(path, query), auth(connection, headers), body, wait_ms) do
      if wire.status < 400, do: {:ok, wire}, else: refused(wire)
    else
      {:error, %Error{code: :unreachable}} = lost ->
        begin(connection, lost, method, path, query, headers, body, wait_ms)

      {:error, error} ->
        {:error, error}
    end
  end

  # A daemon that was killed, or never ran, is started, once; then it is asked again.
  defp begin(%{home: home, start: true} = connection, _lost, method, path, query, headers, body, wait_ms)
       when home != nil do
    with :ok <- Home.start(home, connection.binary) do
      open(%{connection | start: false}, method, path, query, headers, body, wait_ms)
    end
  end

  defp begin(_, lost, _, _, _, _, _, _), do: lost

  defp refused(wire) do
    with {:ok, bytes} <- Wire.all(wire, Wire.usual_ms()) do
      value = with({:ok, value} <- Json.decode(bytes), do: value)
      told = "status #{wire.status} and no problem+json; is this a Tenure daemon?"
      {:error, Error.of_problem(wire.status, value) || Error.new(:unintelligible, told, status: wire.status)}
    end
  end

  defp found(%{home: home}) when home != nil do
    case Home.socket(home) do
      nil ->
        {:error,
         Error.new(:unreachable, "no daemon answers at #{home}: none runs there (`tenure up` starts one)")}

      socket ->
        {:ok, {:local, socket}}
    end
  end

  defp found(connection), do: place(connection)

  defp place(%{url: nil, socket: socket}), do: {:ok, {:local, socket}}

  defp place(%{url: url}) do
    case URI.parse(url) do
      %URI{scheme: "http", host: host, port: port, path: path}
      when is_binary(host) and host != "" and path in [nil, "", "/"] ->
        {:ok, {:tcp, String.to_charlist(host), port, authority(host, port)}}

      _ ->
        {:error,
         Error.new(:usage, "`url` is no address like http://127.0.0.1:7420: #{inspect(url)}", field: "url")}
    end
  end

  defp authority(host, port),
    do: if(String.contains?(host, ":"), do: "[#{host}]:#{port}", else: "#{host}:#{port}")

  defp auth(%{url: url, token: token}, headers) when url != nil and token != nil,
    do: [{"authorization", "Bearer #{token}"} | headers]

  defp auth(_, headers), do: headers

  @doc "A path of which each part stands for itself."
  @spec path([String.t()]) :: String.t()
  def path(parts),
    do: "/v1/" <> Enum.map_join(parts, "/", &URI.encode(&1, fn c -> URI.char_unreserved?(c) end))

  defp target(path, nil), do: path

  defp target(path, query) do
    given = for {name, value} <- query, value != nil, do: {name, value}
    if given == [], do: path, else: path <> "?" <> URI.encode_query(given)
  end

  @doc "A new id."
  @spec id(String.t()) :: String.t()
  def id(prefix), do: prefix <> "-" <> Base.encode16(:crypto.strong_rand_bytes(12), case: :lower)

  @doc "Whether the daemon is on this machine: one that is found by its home or its socket is."
  @spec here?(t()) :: boolean()
  def here?(connection), do: connection.url == nil or loopback?(URI.parse(connection.url).host)

  defp loopback?(host), do: host in ["localhost", "127.0.0.1", "::1"]
end
