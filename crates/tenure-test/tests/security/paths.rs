//! S9: no name leads out of its place: not in a URL, not in a body, not in what an agent asks for.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tenure_scripted::script;
use tenure_test::daemon::TestDaemon;

use crate::routes::routes;
use crate::wire::{authority, head, say, status};

const ODD: &[&str] = &[
    ".",
    "..",
    "%2e",
    "%2e%2e",
    "%2E%2E",
    ".%2e",
    "%2e%2e%2f%2e%2e%2ftoken",
    "..%2ftoken",
    "..%2f..%2f..%2f..%2fetc%2fpasswd",
    "%2fetc%2fpasswd",
    "..%5ctoken",
    "%252e%252e%252ftoken",
    "..;",
    "token%00",
    "%00",
    "%ff%fe",
    "%c0%ae%c0%ae",
    "%C3%A9%E2%80%AE",
    "a%0d%0aset-cookie:%20x=y",
    "*",
    "%20",
    "private.json",
];

#[tokio::test]
async fn a_name_in_a_url_is_an_id_or_nothing() {
    let daemon = TestDaemon::start().await;
    let session = daemon.create(&json!({"agent": "scripted", "cwd": daemon.workdir(), "start": false})).await;
    let (host, token) = (format!("host: {}", authority(&daemon)), daemon.token());
    let bearer = format!("authorization: Bearer {token}");
    let secret = token.trim_start_matches("tnr_");
    let long = ["x".repeat(65), "x".repeat(5_000), "%2e%2e%2f".repeat(500)];
    let odd: Vec<&str> = ODD.iter().copied().chain(long.iter().map(String::as_str)).collect();
    let before = list(daemon.home());
    for route in routes(&daemon).await.iter().filter(|route| route.has_names()) {
        for name in &odd {
            let mut paths = vec![route.path(name)];
            // Only the second of two names is odd.
            paths.extend(
                (route.template.matches('{').count() == 2)
                    .then(|| route.path(name).replacen(name, &session.id, 1)),
            );
            for path in paths {
                let body = "{\"decision\":\"allow\",\"input\":\"x\"}";
                let length = format!("content-length: {}", body.len());
                let first = format!("{} {path}", route.method);
                let answer = say(&daemon, head(&first, &[&host, &bearer, &length]) + body).await;
                assert!(matches!(status(&answer), 400 | 404 | 405), "{first}: {answer}");
                assert!(answer.contains("application/problem+json"), "{first}: {answer}");
                assert!(!answer.contains(secret) && !answer.contains("root:"), "{first}: {answer}");
                let (headers, _) = answer.split_once("\r\n\r\n").unwrap();
                assert!(!headers.contains("set-cookie"), "{first}: {answer}");
            }
        }
    }
    for number in
        ["9223372036854775806", "9223372036854775807", "9223372036854775808", "18446744073709551615"]
    {
        for path in
            ["/raw?after=", "/events?after=", "/messages?offset=", "/messages?cursor=", "/inputs?limit="]
        {
            let answer = daemon.get(&session.path(&format!("{path}{number}"))).await;
            assert!(answer.status < 500, "{}: {}", answer.asked, answer.text);
        }
    }
    for path in ["/../token", "/v1/../../token", "//etc/passwd", "/v1/%2e%2e/token", "/..%2ftoken", "*"] {
        let answer = say(&daemon, head(&format!("GET {path}"), &[&host, &bearer])).await;
        assert!(matches!(status(&answer), 400 | 404), "{path}: {answer}");
    }
    assert_eq!(list(daemon.home()), before, "files came or went");
    session.view().await;
}

#[tokio::test]
async fn a_name_in_a_body_is_an_id_or_refused() {
    let daemon = TestDaemon::start().await;
    let session = daemon.create(&json!({"agent": "scripted", "cwd": daemon.workdir(), "start": false})).await;
    let before = list(daemon.home());
    let long = "x".repeat(65);
    for name in [".", "..", "../x", "a/b", "/etc/passwd", "", " ", "\u{0}", "x\ny", "é", "..\\x", "~", &long]
    {
        let request = json!({"agent": "scripted", "cwd": daemon.workdir(), "start": false, "id": name});
        let problem = daemon.post("/v1/sessions", &request).await.problem(400, "invalid");
        assert_eq!(problem["field"], "id", "{name:?}");
        let request = json!({"input": "x", "id": name});
        session.post("/inputs", &request).await.problem(400, "invalid");
        daemon.post("/v1/tokens", &json!({"name": name, "scope": "read"})).await.problem(400, "invalid");
        let workspace = json!({"agent": "scripted", "workspace": name, "start": false});
        let answer = daemon.post("/v1/sessions", &workspace).await;
        assert!(matches!(answer.status, 400 | 404), "{name:?}: {}", answer.text);
        let project = json!({"path": daemon.workdir(), "id": name});
        daemon.post("/v1/projects", &project).await.problem(400, "invalid");
    }
    assert_eq!(list(daemon.home()), before, "files came or went");
    assert_eq!(daemon.get("/v1/sessions").await.ok(200)["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn an_agent_reads_and_writes_below_its_directory_only() {
    let daemon = TestDaemon::start().await;
    let (work, outside) = (daemon.workdir(), daemon.workdir());
    let secret = "secret of another directory";
    std::fs::write(outside.join("file"), secret).unwrap();
    std::fs::write(work.join("own"), "own words").unwrap();
    symlink(outside.join("file"), work.join("link")).unwrap();
    symlink(&outside, work.join("dir")).unwrap();
    symlink(outside.join("new"), work.join("dangling")).unwrap();
    symlink("..", work.join("up")).unwrap();
    symlink("link", work.join("twice")).unwrap();
    symlink("/proc/self/root", work.join("root")).unwrap();
    std::fs::create_dir(work.join("sub")).unwrap();
    let name = outside.file_name().unwrap().to_str().unwrap();
    let names: Vec<String> = [
        outside.join("file").display().to_string(),
        daemon.home().join("token").display().to_string(),
        format!("../{name}/file"),
        format!("sub/../../{name}/file"),
        format!("up/{name}/file"),
        format!("root{}/file", outside.display()),
        format!("{}/../{name}/file", work.display()),
        format!("{}x/file", work.display()),
        "link".into(),
        "twice".into(),
        "dir/file".into(),
        "dangling".into(),
        "dir/new".into(),
        "/etc/passwd".into(),
        "/proc/self/environ".into(),
        "..".into(),
        "".into(),
    ]
    .into();
    let before = snapshot(&outside);
    let session = daemon.create(&json!({"agent": "scripted", "cwd": work, "wait": "live"})).await;
    for name in &names {
        let absolute = if name.starts_with('/') { PathBuf::from(name) } else { work.join(name) };
        // Both as an agent may name it: relative, and from the root without being tidied.
        for path in [name.clone(), absolute.display().to_string()] {
            for (verb, params) in [
                ("fs/read_text_file", json!({"path": path})),
                ("fs/write_text_file", json!({"path": path, "content": "overwritten"})),
            ] {
                let session_id = session.view().await["native_id"].clone();
                let mut params = params;
                params["sessionId"] = session_id;
                let steps = json!([{"request": verb, "params": params}]);
                let text = session.run(&script(&steps)).await["text"].as_str().unwrap().to_owned();
                assert!(text.starts_with(&format!("{verb} failed: ")), "{path}: {text}");
                assert!(
                    !text.contains(secret) && !text.contains("root:") && !text.contains("tnr_"),
                    "{text}"
                );
            }
        }
    }
    assert_eq!(snapshot(&outside), before, "another directory was changed");
    for (step, said) in [
        (json!([{"fs_read": "own"}]), "fs_read own: own words"),
        (json!([{"fs_write": "sub/made", "text": "made"}]), "fs_write sub/made: done"),
        (json!([{"fs_read": "sub/made"}]), "fs_read sub/made: made"),
    ] {
        assert_eq!(session.run(&script(&step)).await["text"], said);
    }
}

#[tokio::test]
async fn destroying_a_session_leaves_a_directory_of_the_users_as_it_is() {
    let daemon = TestDaemon::start().await;
    let (work, outside) = (daemon.workdir(), daemon.workdir());
    std::fs::write(outside.join("file"), "elsewhere").unwrap();
    std::fs::create_dir_all(work.join("a/b/.git")).unwrap();
    std::fs::create_dir(work.join("empty")).unwrap();
    std::fs::write(work.join("a/b/data"), [0, 159, 146, 150, 13, 10]).unwrap();
    std::fs::write(work.join("secret"), "x").unwrap();
    std::fs::set_permissions(work.join("secret"), std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(work.join("locked"), "y").unwrap();
    std::fs::set_permissions(work.join("locked"), std::fs::Permissions::from_mode(0o444)).unwrap();
    symlink(&outside, work.join("link")).unwrap();
    symlink("nowhere", work.join("broken")).unwrap();
    let before = (snapshot(&work), snapshot(&outside));
    for keep in ["", "?keep_transcript=true"] {
        let session = daemon.create(&json!({"agent": "scripted", "cwd": work, "wait": "live"})).await;
        session.run("hello").await;
        daemon.request("DELETE", &session.path(keep), &Value::Null).await.ok(200);
        assert_eq!((snapshot(&work), snapshot(&outside)), before, "{keep:?}");
    }
    // One inside the home that Tenure made goes; what a link in it points to stays.
    let request = json!({"agent": "scripted", "workspace": {"scratch": true}, "wait": "live"});
    let session = daemon.create(&request).await;
    let scratch = PathBuf::from(session.view().await["workspace"]["path"].as_str().unwrap());
    symlink(&outside, scratch.join("link")).unwrap();
    symlink(daemon.home(), scratch.join("home")).unwrap();
    daemon.request("DELETE", &session.path(""), &Value::Null).await.ok(200);
    assert!(!scratch.exists());
    assert_eq!((snapshot(&work), snapshot(&outside)), before);
    daemon.get("/v1/info").await.ok(200);
}

/// Everything that can be seen of a directory: by name its mode, time, link and bytes.
fn snapshot(dir: &Path) -> BTreeMap<PathBuf, (u32, i64, i64, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(path) = todo.pop() {
        let meta = std::fs::symlink_metadata(&path).unwrap();
        let bytes = if meta.is_symlink() {
            std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
        } else if meta.is_dir() {
            todo.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            Vec::new()
        } else {
            std::fs::read(&path).unwrap()
        };
        all.insert(path, (meta.mode(), meta.mtime(), meta.mtime_nsec(), bytes));
    }
    all
}

/// The names of all files of a home but those that come and go by themselves.
fn list(home: &Path) -> Vec<PathBuf> {
    let all = snapshot_names(home);
    // What SQLite keeps beside its files comes and goes as it works.
    all.into_iter().filter(|path| !path.to_string_lossy().contains(".db")).collect()
}

fn snapshot_names(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(path) = todo.pop() {
        if path.is_dir() && !path.is_symlink() {
            todo.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        all.push(path);
    }
    all.sort();
    all
}

/// Ways to call what lies outside.
fn names_of_outside(daemon: &TestDaemon, work: &Path, outside: &Path) -> Vec<String> {
    let name = outside.file_name().unwrap().to_str().unwrap();
    [
        outside.join("file").display().to_string(),
        daemon.home().join("token").display().to_string(),
        format!("../{name}/file"),
        format!("sub/../../{name}/file"),
        format!("up/{name}/file"),
        format!("root{}/file", outside.display()),
        format!("{}/../{name}/file", work.display()),
        format!("{}x/file", work.display()),
        "link".into(),
        "twice".into(),
        "dir/file".into(),
        "/etc/passwd".into(),
        "/proc/self/environ".into(),
        "....//....//etc/passwd".into(),
        "..\\..\\etc\\passwd".into(),
        "%2e%2e/etc/passwd".into(),
        "~/x".into(),
        "-rf".into(),
    ]
    .into()
}

/// Every route that takes a path of a file, asked for what lies outside.
#[tokio::test]
async fn files_and_commands_stay_below_the_sessions_directory() {
    let daemon = TestDaemon::start().await;
    let (work, outside) = (daemon.workdir(), daemon.workdir());
    let secret = "secret of another directory";
    std::fs::write(outside.join("file"), secret).unwrap();
    symlink(outside.join("file"), work.join("link")).unwrap();
    symlink(&outside, work.join("dir")).unwrap();
    symlink("..", work.join("up")).unwrap();
    symlink("link", work.join("twice")).unwrap();
    symlink("/proc/self/root", work.join("root")).unwrap();
    std::fs::create_dir(work.join("sub")).unwrap();
    std::fs::write(work.join("sub/own"), "own words").unwrap();
    let files = names_of_outside(&daemon, &work, &outside);
    let before = snapshot(&outside);
    let session = daemon.create(&json!({"agent": "scripted", "cwd": work, "start": false})).await;
    let encoded = |text: &str| text.bytes().map(|b| format!("%{b:02x}")).collect::<String>();
    for file in &files {
        let path = encoded(file);
        let dir = encoded(&Path::new(file).parent().unwrap_or(Path::new("..")).display().to_string());
        let mut answers = vec![
            daemon.get(&session.path(&format!("/files?path={path}"))).await,
            daemon.get(&session.path(&format!("/files/grep?pattern=.&path={path}"))).await,
            daemon.get(&session.path(&format!("/files/list?path={path}"))).await,
            daemon.get(&session.path(&format!("/files/find?path={path}"))).await,
            session.post("/exec", &json!({"command": ["cat", "file"], "cwd": file})).await,
        ];
        // Names that mean nothing outside are ordinary ones inside, and may be written there.
        if !file.starts_with(['.', '%', '~', '-']) || file.starts_with("../") {
            answers.push(
                daemon
                    .request(
                        "DELETE",
                        &session.path(&format!("/files?path={dir}%2ffile&recursive=true")),
                        &Value::Null,
                    )
                    .await,
            );
            answers.push(
                daemon
                    .request("PUT", &session.path(&format!("/files?path={path}")), &json!("raw:over"))
                    .await,
            );
            answers.push(
                daemon
                    .request(
                        "PUT",
                        &session.path(&format!("/files?path={path}&directory=true")),
                        &Value::Null,
                    )
                    .await,
            );
        }
        for answer in answers {
            let own = answer.asked.contains("/files/grep") && answer.status == 200;
            assert!(
                own || matches!(answer.status, 400 | 403 | 404 | 409),
                "{file}: {}: {} {}",
                answer.asked,
                answer.status,
                answer.text
            );
            assert!(
                !answer.text.contains(secret) && !answer.text.contains("root:"),
                "{}: {}",
                answer.asked,
                answer.text
            );
        }
    }
    // All of it searched: links are names, and lead nowhere.
    let found = daemon.get(&session.path("/files/grep?pattern=.&limit=1000")).await.ok(200);
    let lines: Vec<&str> =
        found["items"].as_array().unwrap().iter().map(|l| l["path"].as_str().unwrap()).collect();
    assert_eq!(lines, ["sub/own"]);
    assert_eq!(snapshot(&outside), before, "another directory was changed");
}

/// Who may only read, or only send inputs, neither runs commands nor sees files.
#[tokio::test]
async fn files_and_commands_take_the_workspace_scope() {
    let daemon = TestDaemon::start().await;
    let session = daemon.create(&json!({"agent": "scripted", "cwd": daemon.workdir(), "start": false})).await;
    for scope in ["read", "sessions"] {
        let token = daemon.post("/v1/tokens", &json!({"name": scope, "scope": scope})).await.ok(201);
        let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
        let headers = [("authorization", bearer.as_str())];
        let body = json!({"command": ["true"]});
        let refused = daemon.request_with("POST", &session.path("/exec"), &body, &headers).await;
        assert_eq!(refused.problem(403, "forbidden")["data"]["scope"], "workspace");
        for path in
            ["/files?path=.", "/files/list", "/files/grep?pattern=x", "/files/find", "/files/stat?path=."]
        {
            let refused = daemon.request_with("GET", &session.path(path), &Value::Null, &headers).await;
            refused.problem(403, "forbidden");
        }
    }
    let token = daemon.post("/v1/tokens", &json!({"name": "w", "scope": "workspace"})).await.ok(201);
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    let body = json!({"command": ["echo", "--help", "-rf", "$(id)", "; true"]});
    let headers = [("authorization", bearer.as_str())];
    let done = daemon.request_with("POST", &session.path("/exec"), &body, &headers).await.ok(200);
    assert_eq!(done["stdout"], "--help -rf $(id) ; true\n");
}
