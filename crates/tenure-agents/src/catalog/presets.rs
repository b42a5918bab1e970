//! The table of known programs.

use super::{Preset, Protocol};

const ANTHROPIC: &[&str] = &[
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_MODEL",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_CONFIG_DIR",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_BEARER_TOKEN_BEDROCK",
    "CLOUD_ML_REGION",
    "ANTHROPIC_VERTEX_PROJECT_ID",
];

const GOOGLE: &[&str] = &[
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_CLOUD_LOCATION",
    "GOOGLE_GENAI_USE_VERTEXAI",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_GEMINI_BASE_URL",
];

const OPENAI: &[&str] = &["OPENAI_API_KEY", "OPENAI_BASE_URL", "CODEX_API_KEY", "CODEX_HOME", "CODEX_PATH"];

/// A provider of the user's own in Codex's settings names the variable that holds its key; mostly it is one of these.
const CODEX: &[&str] = &[
    "CODEX_HOME",
    "CODEX_API_KEY",
    "CODEX_ACCESS_TOKEN",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "AZURE_OPENAI_API_KEY",
    "OPENROUTER_API_KEY",
];

/// For programs that work with any provider.
const ANY: &[&str] = &[
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_BASE_URL",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_HOST",
    "OPENROUTER_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "GROQ_API_KEY",
    "MISTRAL_API_KEY",
    "DEEPSEEK_API_KEY",
    "XAI_API_KEY",
    "OPENCODE_API_KEY",
    "OPENCODE_CONFIG",
    "OPENCODE_CONFIG_CONTENT",
    "GOOSE_PROVIDER",
    "GOOSE_MODEL",
    "OLLAMA_HOST",
    "PI_CODING_AGENT_DIR",
    "PI_CODING_AGENT_SESSION_DIR",
    "PI_OFFLINE",
];

const COPILOT: &[&str] = &[
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "COPILOT_GITHUB_TOKEN",
    "COPILOT_PROVIDER_BASE_URL",
    "COPILOT_PROVIDER_API_KEY",
    "COPILOT_PROVIDER_TYPE",
    "COPILOT_MODEL",
    "COPILOT_OFFLINE",
];

const KIMI: &[&str] = &[
    "KIMI_API_KEY",
    "KIMI_BASE_URL",
    "KIMI_MODEL_NAME",
    "KIMI_MODEL_API_KEY",
    "KIMI_MODEL_BASE_URL",
    "MOONSHOT_API_KEY",
];

const QWEN: &[&str] =
    &["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "DASHSCOPE_API_KEY", "QWEN_HOME"];

const VERSION: &[&str] = &["--version"];

const fn acp(
    name: &'static str,
    command: &'static [&'static str],
    programs: &'static [&'static str],
) -> Preset {
    Preset {
        name,
        protocol: Protocol::Acp,
        command,
        programs,
        version_args: VERSION,
        auth_env: ANY,
        env: &[],
        bypass_modes: &[],
        acp_two: false,
        no_cost: None,
        install: "",
        login: "",
    }
}

pub(super) const ALL: &[Preset] = &[
    Preset {
        protocol: Protocol::Claude,
        auth_env: ANTHROPIC,
        bypass_modes: &["bypassPermissions"],
        install: "npm install -g @anthropic-ai/claude-code",
        login: "run `claude` and then /login, or set ANTHROPIC_API_KEY",
        ..acp("claude", &["claude"], &["claude"])
    },
    Preset {
        protocol: Protocol::Codex,
        auth_env: CODEX,
        bypass_modes: crate::codex::BYPASS,
        install: "npm install -g @openai/codex",
        login: "run `codex login`, or `codex login --with-api-key` with the key on its standard input",
        ..acp("codex", &["codex", "app-server"], &["codex"])
    },
    Preset {
        // Without it opencode's default is to allow everything.
        env: &[("OPENCODE_PERMISSION", r#"{"edit":"ask","bash":"ask","webfetch":"ask"}"#)],
        install: "npm install -g opencode-ai",
        login: "run `opencode auth login`",
        ..acp("opencode", &["opencode", "acp"], &["opencode"])
    },
    Preset {
        env: &[("GOOSE_MODE", "approve")],
        bypass_modes: &["auto"],
        no_cost: Some("goose tells over ACP how full the context is, and never what it costs"),
        install: "npm install -g @aaif/goose",
        login: "run `goose configure`, or set GOOSE_PROVIDER, GOOSE_MODEL and the provider's key",
        ..acp("goose", &["goose", "acp"], &["goose"])
    },
    Preset {
        auth_env: GOOGLE,
        bypass_modes: &["yolo"],
        install: "npm install -g @google/gemini-cli",
        login: "run `gemini` and log in, or set GEMINI_API_KEY",
        ..acp("gemini", &["gemini", "--acp"], &["gemini"])
    },
    Preset {
        protocol: Protocol::Pi,
        install: "npm install -g @earendil-works/pi-coding-agent (it needs Node 22.19 or later)",
        login: "run `pi` and then /login, or set the provider's key",
        ..acp("pi", &["pi"], &["pi"])
    },
    Preset {
        install: "npm install -g pi-acp (and pi itself: @earendil-works/pi-coding-agent)",
        login: "run `pi` and then /login, or set the provider's key",
        ..acp("pi-acp", &["pi-acp"], &["pi-acp"])
    },
    Preset {
        auth_env: OPENAI,
        // Its own default reviews by a model and asks nobody.
        env: &[("INITIAL_AGENT_MODE", "workspace-write")],
        bypass_modes: &["agent-full-access"],
        acp_two: true,
        no_cost: Some(crate::codex::NO_COST),
        install: "npm install -g @agentclientprotocol/codex-acp",
        login: "run `codex login`, or set OPENAI_API_KEY",
        ..acp("codex-acp", &["codex-acp"], &["codex-acp"])
    },
    Preset {
        auth_env: COPILOT,
        install: "npm install -g @github/copilot",
        login: "run `copilot` and then /login, or set GH_TOKEN",
        ..acp("copilot", &["copilot", "--acp"], &["copilot"])
    },
    Preset {
        auth_env: KIMI,
        bypass_modes: &["yolo"],
        install: "npm install -g @moonshot-ai/kimi-code",
        login: "run `kimi` and then /login, or set KIMI_API_KEY",
        ..acp("kimi", &["kimi", "acp"], &["kimi"])
    },
    Preset {
        auth_env: QWEN,
        bypass_modes: &["yolo"],
        install: "npm install -g @qwen-code/qwen-code",
        login: "run `qwen` and log in, or set OPENAI_API_KEY, OPENAI_BASE_URL and OPENAI_MODEL",
        ..acp("qwen", &["qwen", "--acp"], &["qwen"])
    },
    Preset {
        auth_env: ANTHROPIC,
        bypass_modes: &["bypassPermissions"],
        acp_two: true,
        install: "npm install -g @agentclientprotocol/claude-agent-acp",
        login: "run `claude` and then /login, or set ANTHROPIC_API_KEY",
        ..acp("claude-agent-acp", &["claude-agent-acp"], &["claude-agent-acp"])
    },
    Preset {
        protocol: Protocol::Scripted,
        auth_env: &[],
        version_args: &[],
        install: "it is built into tenure",
        login: "it needs no login",
        ..acp("scripted", &[], &[])
    },
];
