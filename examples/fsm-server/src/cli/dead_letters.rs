use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use reqwest::{Method, Url};
use serde::Serialize;
use serde_json::Value;

use super::Failure;

/// How long the server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug, Subcommand)]
pub(super) enum DeadLettersCommand {
    /// List dead letters, newest first.
    List {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        filter: Filter,
        /// How many are shown at most.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Print the server's answer as it is.
        #[arg(long)]
        json: bool,
    },
    /// Show one with its error and its headers.
    Show {
        #[command(flatten)]
        server: Server,
        /// Its id.
        id: String,
    },
    /// Publish again, with the original bytes, key and headers.
    Replay {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        selection: Selection,
        /// How many are published in a second at most.
        #[arg(long, value_name = "PER_SECOND", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        rate: u32,
    },
    /// Give up for good; they stay in the audit log.
    Discard {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        selection: Selection,
        /// Why they are given up; kept with each of them.
        #[arg(long, value_name = "TEXT")]
        note: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Server {
    /// Address of the running server's admin API.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8081", env = "FSM_ADMIN")]
    admin: Url,
    /// The operators' token; not needed on loopback when none is configured.
    #[arg(long, env = "FSM_ADMIN_TOKEN", hide_env_values = true)]
    token: Option<Token>,
}

/// The operators' token; never shown.
#[derive(Clone)]
struct Token(String);

impl From<String> for Token {
    fn from(token: String) -> Self {
        Self(token)
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

#[derive(Debug, Default, Clone, Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filter {
    /// Only those of this topic.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    /// Only those of this consumer group.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// Only those that failed at this time or later, as in 2025-01-16T09:00:00Z.
    #[arg(long, value_name = "TIME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
}

impl Filter {
    fn is_empty(&self) -> bool {
        self.topic.is_none() && self.group.is_none() && self.since.is_none()
    }
}

/// Which are meant: by id, by filter, or all; never all by omission.
#[derive(Debug, Args)]
pub(super) struct Selection {
    /// Their ids.
    #[arg(conflicts_with = "all")]
    ids: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// All of them.
    #[arg(long)]
    all: bool,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
}

/// What the admin API is asked to replay or discard.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ids: Vec<String>,
    #[serde(flatten)]
    filter: Filter,
    all: bool,
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl Selection {
    fn order(self, rate: Option<u32>, note: Option<String>) -> Result<Order, Failure> {
        if self.ids.is_empty() && self.filter.is_empty() && !self.all {
            return Err(Failure::Usage("say which: ids, --topic, --group, --since, or --all".to_owned()));
        }
        Ok(Order { ids: self.ids, filter: self.filter, all: self.all, dry_run: self.dry_run, rate, note })
    }
}

pub(super) async fn run(command: DeadLettersCommand) -> Result<(), Failure> {
    let text = match command {
        DeadLettersCommand::List { server, filter, limit, json } => {
            let answer = server.ask(Method::GET, &[], &[("limit", limit.to_string())], &filter, None).await?;
            if json { pretty(&answer) } else { table(&answer) }
        }
        DeadLettersCommand::Show { server, id } => {
            pretty(&server.ask(Method::GET, &[&id], &[], &Filter::default(), None).await?)
        }
        DeadLettersCommand::Replay { server, selection, rate } => {
            pretty(&server.order("replay", &selection.order(Some(rate), None)?).await?)
        }
        DeadLettersCommand::Discard { server, selection, note } => {
            pretty(&server.order("discard", &selection.order(None, Some(note))?).await?)
        }
    };
    println!("{text}");
    Ok(())
}

impl Server {
    async fn order(&self, verb: &str, order: &Order) -> Result<Value, Failure> {
        self.ask(Method::POST, &[verb], &[], &Filter::default(), Some(order)).await
    }

    async fn ask(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        filter: &Filter,
        body: Option<&Order>,
    ) -> Result<Value, Failure> {
        let mut url = self.admin.clone();
        let usage = || Failure::Usage(format!("{} is no address to call; write http://host:port", self.admin));
        url.path_segments_mut().map_err(|()| usage())?.pop_if_empty().extend(["admin", "dead-letters"]).extend(path);
        let client = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build();
        let client = client.map_err(|error| Failure::Failed(error.to_string()))?;
        let mut request = client.request(method, url).query(query).query(filter);
        if let Some(token) = &self.token {
            request = request.bearer_auth(&token.0);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        let body = answer.json().await.unwrap_or(Value::Null);
        if status.is_success() { Ok(body) } else { Err(refusal(status.as_u16(), &body)) }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let why = if error.is_timeout() { "does not answer" } else { "cannot be reached" };
        Failure::Failed(format!(
            "the admin API at {} {why}; is the server running? (--admin names another)",
            self.admin
        ))
    }
}

fn refusal(status: u16, body: &Value) -> Failure {
    let message = body["error"]["message"].as_str().unwrap_or("no reason given");
    let hint = if status == 401 { "; pass the operators' token with --token or FSM_ADMIN_TOKEN" } else { "" };
    let details = body["error"]["details"].as_array().into_iter().flatten();
    let details: String = details.map(detail).collect();
    Failure::Failed(format!("the server refused: {message} ({status}){hint}{details}"))
}

/// One thing that is wrong, on a line of its own.
fn detail(detail: &Value) -> String {
    let message = detail["message"].as_str().unwrap_or_default();
    match detail["field"].as_str().unwrap_or_default() {
        "" => format!("\n  - {message}"),
        field => format!("\n  - {field}: {message}"),
    }
}

fn pretty(answer: &Value) -> String {
    format!("{answer:#}")
}

/// One line each; the columns are what an operator decides by.
fn table(answer: &Value) -> String {
    const COLUMNS: [&str; 7] = ["id", "failedAt", "topic", "group", "errorKind", "attempts", "status"];
    let letters = answer["deadLetters"].as_array().map_or(&[][..], Vec::as_slice);
    if letters.is_empty() {
        return "no dead letters".to_owned();
    }
    let cell = |letter: &Value, column: &str| match &letter[column] {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    let header = COLUMNS.map(str::to_owned);
    let rows: Vec<_> = std::iter::once(header)
        .chain(letters.iter().map(|letter| COLUMNS.map(|column| cell(letter, column))))
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let line = |row: &[String; 7]| {
        let cells = row.iter().enumerate().map(|(column, text)| format!("{text:<0$}", width(column)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{Json, Router, http::StatusCode, routing};
    use clap::Parser;
    use parking_lot::Mutex;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(subcommand)]
        command: DeadLettersCommand,
    }

    async fn admin(router: Router) -> String {
        drop(rustls::crypto::ring::default_provider().install_default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    async fn call(arguments: &[&str]) -> Result<(), Failure> {
        let cli =
            Cli::try_parse_from(std::iter::once(&"x").chain(arguments)).map_err(|e| Failure::Usage(e.to_string()))?;
        run(cli.command).await
    }

    #[tokio::test]
    async fn replay_sends_the_selection() {
        let seen: Arc<Mutex<Option<Value>>> = Arc::default();
        let sink = Arc::clone(&seen);
        let replay = routing::post(async move |Json(body): Json<Value>| {
            *sink.lock() = Some(body);
            Json(json!({"replayed": 1}))
        });
        let admin = admin(Router::new().route("/admin/dead-letters/replay", replay)).await;
        call(&["replay", "--admin", &admin, "--topic", "t", "--dry-run", "--rate", "5"]).await.expect("done");
        assert_eq!(seen.lock().take(), Some(json!({"topic": "t", "all": false, "dryRun": true, "rate": 5})));
    }

    #[tokio::test]
    async fn nothing_is_replayed_by_omission() {
        for command in [&["replay"][..], &["discard", "--note", "why"]] {
            let failure = call(command).await.expect_err("nothing chosen");
            assert!(matches!(&failure, Failure::Usage(text) if text.contains("--all")), "{failure}");
        }
        assert!(call(&["replay", "--all", "some-id"]).await.is_err(), "all and one at once");
    }

    #[tokio::test]
    async fn a_refusal_says_what_to_do() {
        let refuse = routing::get(async || {
            (StatusCode::UNAUTHORIZED, Json(json!({"error": {"message": "authentication is required"}})))
        });
        let admin = admin(Router::new().route("/admin/dead-letters/{id}", refuse)).await;
        let failure = call(&["show", "--admin", &admin, "a"]).await.expect_err("refused").to_string();
        assert!(failure.contains("authentication is required (401); pass the operators' token"), "{failure}");
    }

    #[tokio::test]
    async fn nothing_is_discarded_without_a_note() {
        let failure = call(&["discard", "some-id"]).await.expect_err("no note");
        assert!(matches!(&failure, Failure::Usage(text) if text.contains("--note <TEXT>")), "{failure}");
        let discard = routing::post(async |Json(body): Json<Value>| Json(json!({"noted": body["note"]})));
        let admin = admin(Router::new().route("/admin/dead-letters/discard", discard)).await;
        call(&["discard", "--admin", &admin, "--note", "told by telephone", "some-id"]).await.expect("sent");
    }

    #[test]
    fn a_refusal_names_every_field() {
        let details = json!([{"field": "note", "message": "say why"}, {"message": "say which"}]);
        let body = json!({"error": {"message": "the request is invalid", "details": details}});
        let expected = "the server refused: the request is invalid (422)\n  - note: say why\n  - say which";
        assert_eq!(refusal(422, &body).to_string(), expected);
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_named() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let failure = call(&["list", "--admin", "http://127.0.0.1:1"]).await.expect_err("nobody").to_string();
        assert!(failure.contains("http://127.0.0.1:1/ cannot be reached; is the server running?"), "{failure}");
    }

    #[test]
    fn the_list_has_one_line_each() {
        let text = table(
            &json!({"deadLetters": [{"id": "7", "topic": "sales.order.intake", "attempts": 3, "status": "open"}]}),
        );
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "id  failedAt  topic               group  errorKind  attempts  status");
        assert_eq!(lines[1], "7   -         sales.order.intake  -      -          3         open");
        assert_eq!(table(&json!({"deadLetters": []})), "no dead letters");
    }

    #[test]
    fn the_token_is_not_in_debug() {
        let cli = Cli::try_parse_from(["x", "show", "--token", "hunter2", "a"]).expect("valid");
        assert!(!format!("{cli:?}").contains("hunter2"));
    }
}
