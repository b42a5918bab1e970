//! Files: bytes as they are, parts of them, names, lines, and nothing from outside.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tenure_test::daemon::{TestDaemon, TestSession};

struct Ground {
    daemon: TestDaemon,
    session: TestSession,
    work: PathBuf,
}

impl Ground {
    async fn new() -> Self {
        let daemon = TestDaemon::start().await;
        let work = daemon.workdir();
        let session = daemon.create(&json!({"agent": "scripted", "cwd": work, "start": false})).await;
        Self { daemon, session, work }
    }

    async fn ask(&self, method: &str, rest: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Response {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("{}{}", self.daemon.url(), self.session.path(rest));
        let mut request = client.request(method, url).bearer_auth(self.daemon.token()).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let limit = std::time::Duration::from_secs(60);
        request.timeout(limit).send().await.unwrap()
    }

    async fn get(&self, rest: &str, headers: &[(&str, &str)]) -> (u16, Vec<u8>, reqwest::header::HeaderMap) {
        let answer = self.ask("GET", rest, headers, Vec::new()).await;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        (status, answer.bytes().await.unwrap().to_vec(), headers)
    }

    async fn put(&self, rest: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, Value) {
        let answer = self.ask("PUT", rest, headers, body.to_vec()).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn delete(&self, rest: &str) -> (u16, Value) {
        let answer = self.ask("DELETE", rest, &[], Vec::new()).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    fn names(&self, dir: &str) -> Vec<String> {
        let names = std::fs::read_dir(self.work.join(dir)).unwrap();
        let mut names: Vec<String> = names.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn bytes_go_in_and_come_out_as_they_are() {
    let ground = Ground::new().await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let (status, entry) = ground.put("/files?path=a/b/data", &[], &bytes).await;
    assert_eq!((status, &entry["bytes"], &entry["path"]), (201, &json!(3_000_000), &json!("a/b/data")));
    let (status, read, headers) = ground.get("/files?path=a/b/data", &[]).await;
    assert!(status == 200 && read == bytes);
    assert_eq!(headers["content-length"], "3000000");
    assert_eq!(headers["content-type"], "application/octet-stream");
    assert_eq!(headers["etag"].to_str().unwrap(), entry["etag"].as_str().unwrap());
    assert!(headers["last-modified"].to_str().unwrap().ends_with(" GMT"));
    let tag = headers["etag"].to_str().unwrap();
    assert_eq!(ground.get("/files?path=a/b/data", &[("if-none-match", tag)]).await.0, 304);
    // A file keeps its mode, a new one has the one that was asked for.
    let script = ground.work.join("run.sh");
    std::fs::write(&script, "old").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o750)).unwrap();
    assert_eq!(ground.put("/files?path=run.sh", &[], b"new").await.0, 200);
    assert_eq!((std::fs::read(&script).unwrap().as_slice(), mode(&script)), (&b"new"[..], 0o750));
    assert_eq!(ground.put("/files?path=made&mode=640", &[], b"").await.0, 201);
    assert_eq!(mode(&ground.work.join("made")), 0o640);
    // Through a link to a file inside, the file is written and the link stays.
    symlink("run.sh", ground.work.join("link")).unwrap();
    assert_eq!(ground.put("/files?path=link", &[], b"by link").await.0, 200);
    assert_eq!(std::fs::read(&script).unwrap(), b"by link");
    assert!(ground.work.join("link").is_symlink());
    // By its absolute path, too.
    let absolute = format!("/files?path={}", script.display());
    assert_eq!(ground.get(&absolute, &[]).await.1, b"by link");
    assert_eq!(ground.names("."), ["a", "link", "made", "run.sh"], "nothing is left over");
}

#[tokio::test]
async fn parts_of_a_file_are_had_by_range() {
    let ground = Ground::new().await;
    std::fs::write(ground.work.join("f"), "0123456789").unwrap();
    for (range, status, bytes, told) in [
        ("bytes=0-3", 206, "0123", Some("bytes 0-3/10")),
        ("bytes=8-100", 206, "89", Some("bytes 8-9/10")),
        ("bytes=-2", 206, "89", Some("bytes 8-9/10")),
        ("bytes=5-", 206, "56789", Some("bytes 5-9/10")),
        ("bytes=0-1,3-4", 200, "0123456789", None),
        ("nonsense", 200, "0123456789", None),
    ] {
        let (was, read, headers) = ground.get("/files?path=f", &[("range", range)]).await;
        assert_eq!((was, read.as_slice()), (status, bytes.as_bytes()), "{range}");
        assert_eq!(headers.get("content-range").map(|v| v.to_str().unwrap()), told, "{range}");
    }
    let (status, problem, headers) = ground.get("/files?path=f", &[("range", "bytes=10-")]).await;
    let problem: Value = serde_json::from_slice(&problem).unwrap();
    assert_eq!((status, &problem["field"]), (416, &json!("Range")));
    assert_eq!(headers["content-range"], "bytes */10");
    let stale = [("range", "bytes=0-0"), ("if-range", "\"other\"")];
    assert_eq!(ground.get("/files?path=f", &stale).await.0, 200);
    std::fs::write(ground.work.join("empty"), "").unwrap();
    assert_eq!(ground.get("/files?path=empty", &[]).await.1, b"");
}

#[tokio::test]
async fn a_file_that_was_changed_meanwhile_is_not_overwritten() {
    let ground = Ground::new().await;
    let (_, entry) = ground.put("/files?path=f", &[("if-none-match", "*")], b"one").await;
    let (status, again) = ground.put("/files?path=f", &[("if-none-match", "*")], b"two").await;
    assert_eq!((status, &again["code"]), (409, &json!("conflict")));
    let tag = entry["etag"].as_str().unwrap();
    let (status, second) = ground.put("/files?path=f", &[("if-match", tag)], b"second").await;
    assert_eq!(status, 200);
    assert_ne!(second["etag"], entry["etag"]);
    assert_eq!(ground.put("/files?path=f", &[("if-match", tag)], b"third").await.0, 409);
    assert_eq!(std::fs::read(ground.work.join("f")).unwrap(), b"second");
    assert_eq!(ground.put("/files?path=none", &[("if-match", tag)], b"x").await.0, 409);
    for (name, value) in [("if-match", "*"), ("if-match", "x"), ("if-none-match", tag)] {
        let (status, problem) = ground.put("/files?path=f", &[(name, value)], b"x").await;
        assert_eq!((status, problem["code"].as_str()), (400, Some("invalid")), "{name} {value}");
    }
    assert_eq!(ground.names("."), ["f"]);
}

#[tokio::test]
async fn directories_are_made_listed_by_pages_and_taken_away_by_name() {
    let ground = Ground::new().await;
    let (status, made) = ground.put("/files?path=d/e&directory=true", &[], b"").await;
    assert_eq!((status, &made["kind"], &made["path"]), (201, &json!("directory"), &json!("d/e")));
    assert_eq!(ground.put("/files?path=d/e&directory=true", &[], b"").await.0, 200);
    for n in 0..25 {
        std::fs::write(ground.work.join(format!("d/f{n:02}")), "x").unwrap();
    }
    symlink("f00", ground.work.join("d/link")).unwrap();
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = ground.session.get(&format!("/files/list?path=d&limit=10{cursor}")).await;
        names
            .extend(page["items"].as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(names, ground.names("d"));
    let link = ground.session.get("/files/stat?path=d/link").await;
    assert_eq!((&link["kind"], &link["target"]), (&json!("symlink"), &json!("f00")));
    let root = ground.session.get("/files/stat?path=.").await;
    assert_eq!((&root["path"], &root["kind"]), (&json!("."), &json!("directory")));
    // A link goes, not what it points to; a full directory only if it is said.
    assert_eq!(ground.delete("/files?path=d/link").await.1["kind"], "symlink");
    assert!(ground.work.join("d/f00").exists());
    let (status, problem) = ground.delete("/files?path=d").await;
    assert!(status == 409 && problem["detail"].as_str().unwrap().contains("recursive"), "{problem}");
    assert_eq!(ground.delete("/files?path=d/e").await.0, 200);
    let outside = ground.daemon.workdir();
    std::fs::write(outside.join("kept"), "x").unwrap();
    symlink(&outside, ground.work.join("d/out")).unwrap();
    assert_eq!(ground.delete("/files?path=d&recursive=true").await.0, 200);
    assert!(!ground.work.join("d").exists() && outside.join("kept").exists());
    for path in [".", "", "d/..", "%2e/"] {
        assert!(
            matches!(ground.delete(&format!("/files?path={path}&recursive=true")).await.0, 404 | 409),
            "{path}"
        );
    }
    assert!(ground.work.exists());
    assert_eq!(ground.delete("/files?path=none").await.0, 404);
    std::fs::write(ground.work.join("f"), "").unwrap();
    assert_eq!(ground.put("/files?path=f&directory=true", &[], b"").await.0, 409);
    assert_eq!(ground.put("/files?path=f/g", &[], b"").await.0, 400);
}

/// Files to search, some of them ignored.
async fn searched() -> Ground {
    let ground = Ground::new().await;
    for (path, text) in [
        (".gitignore", "target\n*.log\n!keep.log\n"),
        (".git/config", "needle"),
        ("a.rs", "fn a() {}\nlet needle = 1;\r\nneedle needle\n"),
        ("src/b.rs", "Needle\nx.y\n"),
        ("src/deep/c.rs", "no\nmatch\nneedle at last"),
        ("src/deep/.ignore", "hidden.rs\n"),
        ("src/deep/hidden.rs", "needle"),
        ("target/d.rs", "needle"),
        ("x.log", "needle"),
        ("keep.log", "needle"),
        ("bin", "needle\0"),
    ] {
        let path = ground.work.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    symlink("/etc", ground.work.join("out")).unwrap();
    ground
}

impl Ground {
    /// All pages of a search.
    async fn pages(&self, query: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.session.get(&format!("/files/{query}{cursor}")).await;
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            let Some(next) = page["next"].as_str() else { return items };
            cursor = format!("&cursor={next}");
        }
    }

    async fn found(&self, query: &str) -> Vec<String> {
        let items = self.pages(&format!("find?{query}")).await;
        items.iter().map(|e| e["path"].as_str().unwrap().to_owned()).collect()
    }

    async fn lines(&self, query: &str) -> Vec<String> {
        let items = self.pages(&format!("grep?{query}")).await;
        let line = |l: &Value| format!("{}:{}:{}", l["path"].as_str().unwrap(), l["line"], l["column"]);
        items.iter().map(line).collect()
    }
}

#[tokio::test]
async fn names_are_found_by_pages() {
    let ground = searched().await;
    let rust = ["a.rs", "src/b.rs", "src/deep/c.rs", "src/deep/hidden.rs", "target/d.rs"];
    for limit in [1, 2, 100] {
        assert_eq!(ground.found(&format!("glob=*.rs&limit={limit}")).await, rust, "{limit}");
    }
    assert_eq!(ground.found("glob=*.rs&honour_ignore=true").await, rust[..3]);
    assert_eq!(ground.found("glob=deep/*.rs&path=src").await, rust[2..4]);
    assert_eq!(ground.found("glob=**/c.rs&path=src").await, rust[2..3]);
    let honoured = ground.found("path=src/deep&honour_ignore=true").await;
    assert_eq!(honoured, ["src/deep/.ignore", "src/deep/c.rs"]);
    let all = ground.found("limit=1000").await;
    assert!(all.contains(&"out".to_owned()) && !all.iter().any(|p| p.starts_with("out/")), "{all:?}");
    for limit in [1, 3, 7] {
        assert_eq!(ground.found(&format!("limit={limit}")).await, all, "{limit}");
    }
}

#[tokio::test]
async fn lines_are_found_within_bounds() {
    let ground = searched().await;
    let kept = ["a.rs:2:5", "a.rs:3:1", "keep.log:1:1", "src/deep/c.rs:3:1"];
    for limit in [1, 2, 100] {
        let query = format!("pattern=needle&honour_ignore=true&limit={limit}");
        assert_eq!(ground.lines(&query).await, kept, "{limit}");
    }
    assert_eq!(ground.lines("pattern=needle&ignore_case=true&glob=b.rs").await, ["src/b.rs:1:1"]);
    assert_eq!(ground.lines("pattern=x.y&fixed=true&path=src/b.rs").await, ["src/b.rs:2:1"]);
    assert_eq!(ground.lines("pattern=%5Eneedle$&path=src").await, ["src/deep/hidden.rs:1:1"]);
    let page = ground.session.get("/files/grep?pattern=needle&glob=bin").await;
    assert_eq!((&page["items"], &page["skipped"]), (&json!([]), &json!(1)));
}

#[tokio::test]
async fn a_search_that_makes_no_sense_is_refused_by_its_field() {
    let ground = Ground::new().await;
    for (query, field) in [
        ("grep?pattern=(", "pattern"),
        ("grep?pattern=", "pattern"),
        ("grep?pattern=a%7B9999%7D%7B9999%7D", "pattern"),
        ("grep", "pattern"),
        ("grep?pattern=x&cursor=%25", "cursor"),
        ("find?glob=%5B", "glob"),
        ("find?glob=", "glob"),
        ("find?limit=0", "limit"),
        ("find?name=x", "name"),
        ("list?cursor=%25", "cursor"),
        ("stat", "path"),
        ("stat?path=a%00b", "path"),
    ] {
        let answer = ground.daemon.get(&ground.session.path(&format!("/files/{query}"))).await;
        assert_eq!(answer.problem(400, "invalid")["field"], field, "{query}");
    }
}

#[tokio::test]
async fn nothing_waits_at_a_pipe_or_wakes_a_device() {
    let ground = Ground::new().await;
    use rustix::fs::{CWD, FileType, Mode};
    rustix::fs::mknodat(CWD, ground.work.join("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    symlink("pipe", ground.work.join("to-pipe")).unwrap();
    std::fs::create_dir(ground.work.join("dir")).unwrap();
    symlink("nothing", ground.work.join("dead")).unwrap();
    for name in ["pipe", "to-pipe", "dir", "."] {
        let (status, problem, _) = ground.get(&format!("/files?path={name}"), &[]).await;
        let problem: Value = serde_json::from_slice(&problem).unwrap();
        assert_eq!((status, &problem["field"]), (400, &json!("path")), "{name}: {problem}");
        assert_eq!(ground.put(&format!("/files?path={name}"), &[], b"x").await.0, 400, "{name}");
    }
    assert_eq!(ground.get("/files?path=dead", &[]).await.0, 404);
    assert_eq!(ground.put("/files?path=dead", &[], b"x").await.0, 400);
    let page = ground.session.get("/files/grep?pattern=x").await;
    assert_eq!(page["items"], json!([]));
    assert_eq!(ground.session.get("/files/stat?path=pipe").await["kind"], "pipe");
    assert_eq!(ground.delete("/files?path=pipe").await.0, 200);
}

#[tokio::test]
async fn a_body_that_breaks_off_writes_nothing() {
    let ground = Ground::new().await;
    std::fs::write(ground.work.join("f"), "old").unwrap();
    let host = ground.daemon.url().trim_start_matches("http://").to_owned();
    let head = format!(
        "PUT {} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\ncontent-length: 1000\r\n\r\npart",
        ground.session.path("/files?path=f"),
        ground.daemon.token()
    );
    let mut stream = tokio::net::TcpStream::connect(&host).await.unwrap();
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    drop(stream);
    // The answer, if one came, is no success; what was there stays, and nothing beside it.
    assert!(!String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 2"));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while ground.names(".") != ["f"] {
        assert!(std::time::Instant::now() < deadline, "{:?}", ground.names("."));
        tokio::task::yield_now().await;
    }
    assert_eq!(std::fs::read(ground.work.join("f")).unwrap(), b"old");
    let told = format!(
        "PUT {} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        ground.session.path("/files?path=f"),
        ground.daemon.token(),
        (1_u64 << 30) + 1
    );
    let mut stream = tokio::net::TcpStream::connect(&host).await.unwrap();
    stream.write_all(told.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(
        String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 413"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}
