//! `tenure config`: a session's settings, shown and changed.

use tenure_api::{
    ConfigPatch, LimitsPatch, PermissionDefault, PermissionRule, PermissionsPatch, SessionConfig,
};

use super::limits::{LimitArgs, restart_shown, shown as limits_shown};
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Failure, Outcome};
use crate::out;
use crate::style::Style;
use crate::text::one_line;
use crate::view::word;

const EXAMPLES: &str = "Examples:\n  \
    tenure config fix-tests                                  what is in force\n  \
    tenure config fix-tests --model opus --effort high       with the next request to the model\n  \
    tenure config fix-tests --allow 'Bash:cargo *' --deny 'Bash:git push*'\n  \
    tenure config fix-tests --clear-rules --asks deny\n  \
    tenure config fix-tests --max-cost 5 --max-turns 0       raise a limit, take one away\n\n\
    A rule is TOOL or TOOL:INPUT, both with * and ?. The first that matches an ask decides it; rules given here\n\
    stand before those that are there, in this order: --deny, --ask, --allow. Rules of config.toml come after those of the\n\
    session, then --asks.";

/// Show or change a session's model, mode, effort, permissions and limits, while it runs
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Which
    session: String,
    /// Use this model
    #[arg(long)]
    model: Option<String>,
    /// Use this mode (permission mode)
    #[arg(long)]
    mode: Option<String>,
    /// Use this effort (thought level)
    #[arg(long)]
    effort: Option<String>,
    /// What happens to permission asks that no rule decides
    #[arg(long, value_name = "ask|allow|deny", value_parser = default)]
    asks: Option<PermissionDefault>,
    /// Allow what matches without asking (repeatable)
    #[arg(long, value_name = "RULE")]
    allow: Vec<String>,
    /// Deny what matches without asking (repeatable)
    #[arg(long, value_name = "RULE")]
    deny: Vec<String>,
    /// Ask a person for what matches (repeatable)
    #[arg(long, value_name = "RULE")]
    ask: Vec<String>,
    /// Drop the rules that are there
    #[arg(long)]
    clear_rules: bool,
    /// Deny an ask after so many seconds (0: at once)
    #[arg(long, value_name = "SECONDS")]
    ask_timeout: Option<u64>,
    #[command(flatten)]
    limits: LimitArgs,
}

fn default(text: &str) -> Result<PermissionDefault, String> {
    match text {
        "ask" => Ok(PermissionDefault::Ask),
        "allow" => Ok(PermissionDefault::Allow),
        "deny" => Ok(PermissionDefault::Deny),
        _ => Err("give ask, allow or deny".to_owned()),
    }
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let id = context.session(&client, &args.session).await?.id;
        let before = client.config(&id).await?;
        let patch = patch(args, &before)?;
        let config =
            if patch == ConfigPatch::default() { before } else { client.configure(&id, &patch).await? };
        if context.json {
            out::json(&config)?;
        } else {
            out::print(&shown(context.style, &config))?;
        }
        Ok(Exit::Done)
    })
}

fn patch(args: Args, before: &SessionConfig) -> Result<ConfigPatch, Failure> {
    let mut rules = Vec::new();
    for (texts, decision) in [
        (&args.deny, PermissionDefault::Deny),
        (&args.ask, PermissionDefault::Ask),
        (&args.allow, PermissionDefault::Allow),
    ] {
        for text in texts {
            rules.push(rule(text, decision)?);
        }
    }
    let changes = args.clear_rules || !rules.is_empty();
    if !args.clear_rules {
        let new = rules.clone();
        rules.extend(before.permissions.rules.iter().filter(|old| !new.contains(old)).cloned());
    }
    let permissions = PermissionsPatch {
        default: args.asks,
        rules: changes.then_some(rules),
        ask_timeout_seconds: args.ask_timeout,
    };
    let permissions = Some(permissions).filter(|p| *p != PermissionsPatch::default());
    let limits = Some(args.limits.patch()).filter(|l| *l != LimitsPatch::default());
    let restart = args.limits.restart;
    Ok(ConfigPatch { model: args.model, mode: args.mode, effort: args.effort, permissions, limits, restart })
}

/// `TOOL` or `TOOL:INPUT`.
fn rule(text: &str, decision: PermissionDefault) -> Result<PermissionRule, Failure> {
    let (tool, input) = match text.split_once(':') {
        Some((tool, input)) => (tool, Some(input.to_owned())),
        None => (text, None),
    };
    if tool.is_empty() || input.as_deref() == Some("") {
        return Err(Failure::usage(format!(
            "{text:?} is no rule: give TOOL or TOOL:INPUT, for example 'Bash:git *'"
        )));
    }
    let tool = (tool != "*" || input.is_none()).then(|| tool.to_owned());
    Ok(PermissionRule { decision, tool, kind: None, input })
}

fn shown(style: Style, config: &SessionConfig) -> String {
    // The agent says how its models and modes are called.
    let name = |name: &str| one_line(name, 100);
    let or =
        |value: &Option<String>| value.as_deref().map(name).unwrap_or_else(|| style.dim("the agent's own"));
    let model = match (&config.model, &config.model_effective) {
        (Some(asked), Some(used)) if asked != used => {
            format!("{} {}", name(asked), style.dim(&format!("({})", name(used))))
        }
        (None, Some(used)) => name(used),
        (asked, _) => or(asked),
    };
    let permissions = &config.permissions;
    let mut text = format!(
        "model   {model}\nmode    {}\neffort  {}\nasks    {}, {} after {} s without an answer\n",
        or(&config.mode),
        or(&config.effort),
        word(&permissions.default),
        word(&PermissionDefault::Deny),
        permissions.ask_timeout_seconds,
    );
    text.push_str(&limits_shown(style, &config.limits));
    text.push_str(&format!("restart {}\n", restart_shown(config.restart)));
    for rule in &permissions.rules {
        text.push_str(&format!("rule    {}\n", rule_shown(rule)));
    }
    for policy in &permissions.policy {
        let from = style.dim(&format!("({})", one_line(&policy.from, 200)));
        text.push_str(&format!("rule    {} {from}\n", rule_shown(&policy.rule)));
    }
    text
}

fn rule_shown(rule: &PermissionRule) -> String {
    let kind = rule.kind.map(|kind| format!(" [{}]", word(&kind))).unwrap_or_default();
    let input = rule.input.as_deref().map(|input| format!(":{input}")).unwrap_or_default();
    let tool = rule.tool.as_deref().unwrap_or("*");
    one_line(&format!("{} {tool}{input}{kind}", word(&rule.decision)), 1000)
}

#[cfg(test)]
mod tests {
    use tenure_api::{LimitsView, PermissionsView};
    use tenure_event::RestartPolicy;

    use super::*;

    #[test]
    fn what_agents_and_clients_say_obeys_no_terminal() {
        let evil = Some("a\u{1b}]0;x\u{7}b\u{9b}c".to_owned());
        let rule = PermissionRule {
            decision: PermissionDefault::Deny,
            tool: evil.clone(),
            kind: None,
            input: evil.clone(),
        };
        let config = SessionConfig {
            model: evil.clone(),
            model_effective: Some("\u{202e}d".to_owned()),
            mode: evil,
            effort: None,
            permissions: PermissionsView {
                default: PermissionDefault::Ask,
                rules: vec![rule],
                policy: Vec::new(),
                ask_timeout_seconds: 1,
                allow_bypass: false,
            },
            limits: LimitsView {
                turns: None,
                turns_used: 0,
                cost_usd: None,
                cost_used_usd: 0.0,
                cost_incomplete: false,
                turn_seconds: None,
                memory_mb: None,
                idle_seconds: None,
                reached: None,
            },
            restart: RestartPolicy::default(),
        };
        let text = shown(Style::PLAIN, &config);
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']), "{text:?}");
        assert!(text.contains("model   abc (d)") && text.contains("deny abc:abc"), "{text}");
    }
}
