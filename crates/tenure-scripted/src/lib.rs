//! The scripted agent: a real process that speaks ACP v1 over stdio and does what the prompt says.
//!
//! It thinks nothing and needs no model, no key and no network. `tenure demo` runs on it, Tenure's tests and benchmarks
//! run on it, and it is there for everyone who writes a client: with it you can see how your client takes a slow turn,
//! an ask, a crash, a line of 100 MB or an agent that does not listen. Run it as `tenure scripted-agent`, or through
//! the daemon with `tenure run -a scripted PROMPT`. It is deliberately no mock of any particular agent; the habits of
//! several real ones are steps of its language.
//!
//! # Prompts
//!
//! A prompt without a script is said back: `hello` gives `You said: hello` (at most 2,000 characters of it).
//! `/echo WORDS` gives the words, `/help` a short help.
//!
//! A script is a JSON array between `@@[` and `]@@`, anywhere in the prompt; each element is a step. The whole script is
//! read before the first step is played; a step or option that is not known refuses the prompt with error -32602 that
//! names it. These mean the same:
//!
//! ```json
//! {"text": "hi", "chunks": 2}
//! {"text": {"text": "hi", "chunks": 2}}
//! ```
//!
//! The first field is the verb. Its value is an object of options, or the verb's main option (in bold below); more options
//! may stand beside it. A verb that needs no option can be a plain string: `"pwd"`, or `{"pwd": true}`. Paths are
//! relative to the session's directory. Rust code builds prompts with [`script`].
//!
//! # Steps
//!
//! | step | options | what it does |
//! |---|---|---|
//! | `text` | **text**, chunks = 1, delay_ms, message_id = true, same_message | says the text as one message in so many chunks, `delay_ms` between them; `message_id: false` leaves the id out, `same_message` goes on with the message before |
//! | `think` | as `text` | the same as a thought |
//! | `plan` | **entries** (words, or objects sent as they are) | tells a plan |
//! | `usage` | **used**, size = 200000, cost (USD), tokens {input, output, thought, cached_read, cached_write} | tells the context's use; `tokens` come with the turn's answer |
//! | `title` | **title** | names the session |
//! | `mode` | **id**: default, plan, bypass | changes the mode; in `bypass` no ask is asked |
//! | `commands` | **commands** | tells the available commands; without the option its own two |
//! | `update` | **update** | sends any `session/update` as it is |
//! | `unknown_update` | | sends an update of a kind that nobody knows |
//! | `env` | **name** | says the value of an environment variable, or `(unset)` |
//! | `pwd` | | says the process's directory |
//! | `args` | | says the arguments as a JSON array |
//! | `pid` | | says the process's id |
//! | `tool` | **title**, kind = other, name, id, input, output, diff {path, old, new}, fail, unfinished, no_tool_call, delay_ms | an invented tool call: pending, with `delay_ms` in_progress, then completed or (`fail`) failed; `unfinished` is never completed; `no_tool_call` is one update and no call, as from Gemini |
//! | `read` | **path** | a tool call that really reads a file, up to 64 KB |
//! | `write` | **path**, text, ask, on_allow, on_reject | a tool call that really writes a file, with a diff; with `ask` only once allowed; then the steps of `on_allow` or `on_reject` are played |
//! | `ask` | **title**, kind = execute, name, input, diff, options, no_tool_call, then_text_on_allow, then_text_on_reject, on_allow, on_reject, withdraw_after_ms, withdraw_on_cancel | asks for permission and says how it ended: `allowed (ID)`, `denied (ID)`, `cancelled`, `withdrawn`, `failed: WHY`. An option is a kind, which is then its id too, or {id, kind, name}; usual are allow_once, allow_always, reject_once. All but allowed counts as reject. Withdrawing sends `$/cancel_request` |
//! | `fs_read` | **path**, line, limit | reads through the client and says `fs_read PATH: CONTENT` or `fs_read PATH: failed: CODE MESSAGE` |
//! | `fs_write` | **path**, text | writes through the client and says `fs_write PATH: done` or the failure |
//! | `terminal` | **command**, args, cwd, env, limit, kill | has the client run a command and says `terminal: code …: OUTPUT`, or which method failed |
//! | `request` | **method**, params | asks the client anything and says `METHOD answered: JSON` or `METHOD failed: CODE MESSAGE` |
//! | `unknown_request` | **method** = _scripted/unknown | a request that must get an error |
//! | `sleep_ms` | **ms** | waits |
//! | `gate` | **file** | waits until the file exists; after 120 s the turn fails |
//! | `repeat` | **n**, steps | plays the steps so many times |
//! | `fork` | **sleep_s** = 60, or command (words); setsid, hold_stdout, ignore_term | starts a child that stays, in a session of its own with `setsid`; with `hold_stdout` it keeps stdout and stderr open |
//! | `flood` | **n**, bytes, per_second | chunks `line 000001`, `line 000002`, … (each ends in a newline) of one message as fast as they are read, or at a rate; `bytes` makes each longer |
//! | `numbered` | from = 1, **to**, delay_us | the same from one number to another, one each `delay_us` |
//! | `bench` | **events**, rate_per_second, bytes = 350, kind = tool, plan, text | updates of exactly so many bytes that carry a [`BenchMark`]: `tool_call` and its completion by turns, plans, or chunks |
//! | `stderr` | **text** | writes to stderr |
//! | `raw` | **line** | writes the line to stdout as it is |
//! | `raw_hex` | **hex** | writes these bytes and a newline |
//! | `huge` | **bytes**, valid_json | writes one line of so many bytes, of x alone or as a chunk; at most 1 GB |
//! | `deep` | **levels** | writes a chunk whose `_meta` is nested so deep |
//! | `odd_ids` | | writes responses whose ids are null, true, 1.5, -7, "", an array, an object, and missing |
//! | `exit` | **code** = 0, stderr | ends the process at once |
//! | `crash_stderr` | **stderr** | ends it as a panic does: words on stderr, exit code 101 |
//! | `kill_self` | | ends it by SIGKILL |
//! | `stop` | **reason** | ends the turn with any stop reason |
//! | `error` | code = -32603, **message** | answers the prompt with an error |
//! | `end_turn_with_error` | **stderr** | ends the turn with `end_turn` and says why on stderr alone |
//! | `ignore_cancel` | | from here on the turn is deaf to cancels |
//! | `slow_cancel_ms` | **ms** | a cancel is obeyed so much later |
//! | `cancel_as_end_turn` | | a cancelled turn answers `end_turn`, as Goose does |
//! | `cancelled_on_reject` | | a rejected ask ends the turn with `cancelled`, as in codex-acp |
//! | `end_on_reject` | | a rejected ask ends the turn with `end_turn`, as in OpenCode |
//! | `duplicate_response` | | answers the prompt a second time |
//! | `late_response_ms` | **ms**, id | answers the prompt again so much later, or answers an id that was never asked |
//! | `self_update_after_turn` | **steps**, delay_ms | plays steps after the turn was answered, outside any turn |
//!
//! A `session/cancel` ends every wait and is obeyed between two steps; it does not wait for the answer to an open ask.
//! `$/cancel_request` for the prompt does the same and is answered with error -32800. `_session/steering` puts a text into
//! the running turn: at the next step boundary its script is played, or `Steered: TEXT` is said. A second prompt on a
//! busy session is refused with -32600: who drives an agent has to keep the queue.
//!
//! # Flags
//!
//! Each can be an environment variable too: `--slow-start 50` is `TENURE_SCRIPTED_SLOW_START=50`, a flag without a value
//! is `=1`.
//!
//! | flag | what it does |
//! |---|---|
//! | `--string-ids` | the agent's own request ids are strings |
//! | `--ignore-eof` | the end of stdin, or of whoever reads stdout, does not end the process |
//! | `--ignore-term` | SIGTERM does not end it |
//! | `--no-load`, `--no-resume`, `--no-steering`, `--no-images` | lacks that, and says so |
//! | `--no-message-id` | gives no message an id |
//! | `--forks` | offers `session/fork`: a new session that begins with all that another one has kept |
//! | `--auth-required` | `session/new` answers -32000 until `authenticate` |
//! | `--slow-start MS` | waits before it reads anything |
//! | `--fail-start TEXT` | says the text on stderr and exits with 3 |
//! | `--garbage-start` | writes five lines of noise first, one of them not UTF-8 |
//! | `--protocol N` | answers `initialize` with that version; `echo` with the one it was asked for |
//! | `--home DIR` | keeps histories there instead of in `$HOME/.tenure-scripted` |
//! | `--record FILE` | keeps a record, see below |
//!
//! # What stays
//!
//! Each session's history is appended to a file after each step, so that another process can load or resume it, also
//! after SIGKILL. A step that was cut short by a kill is not in it.
//!
//! The record tells what the process read, did and wrote, line by line in the order in which it happened; several
//! processes may append to one file. [`read_record`] reads it, [`Act`] lists what can be in it.

mod agent;
mod bench;
mod child;
mod clock;
mod demo;
mod flags;
mod help;
mod history;
mod lines;
mod play;
mod record;
mod rpc;
mod script;
mod session;
mod signals;
mod start;
mod turn;
mod wire;

pub use bench::BenchMark;
pub use clock::monotonic_ns;
pub use demo::{DEMO_AFTER, DEMO_BEFORE, DEMO_FILE, demo_prompt};
pub use record::{Act, Entry, Sent, read_record};
pub use script::{count_steps, script};
pub use start::main;
