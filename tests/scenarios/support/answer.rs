use reqwest::header::HeaderMap;
use serde_json::Value;

/// An answer of the server, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// Null when the text is no JSON.
    pub(crate) body: Value,
}

impl Answer {
    pub(super) async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self { status, headers, text, body }
    }

    /// Reads an answer as it came over a socket.
    pub(crate) fn parse(text: &str) -> Self {
        let (head, text) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.parse().ok()?, value.trim().parse().ok()?))
        });
        let body = serde_json::from_str(text).unwrap_or(Value::Null);
        Self { status: status.unwrap_or(0), headers: headers.collect(), text: text.to_owned(), body }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Gives the body of an answer that has to be a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text);
        self.body
    }

    /// Asserts the one error body of the whole API, and what it says.
    #[track_caller]
    pub(crate) fn is_error(&self, status: u16, code: &str) {
        self.has_the_error_body();
        assert_eq!((self.status, self.body["error"]["code"].as_str()), (status, Some(code)), "{}", self.text);
    }

    /// Asserts the shape of the error body.
    #[track_caller]
    pub(crate) fn has_the_error_body(&self) {
        let body = self.body.as_object().unwrap_or_else(|| panic!("{} has no error body: {}", self.status, self.text));
        let mut names: Vec<_> = body.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["correlationId", "error", "timestamp"], "{}", self.text);
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.body["correlationId"], self.header("x-correlation-id"), "{}", self.text);
        assert!(!self.header("x-correlation-id").is_empty());
        assert!(self.body["timestamp"].as_str().is_some_and(|at| at.len() >= 20 && at.ends_with('Z')), "{}", self.text);
        let error = &self.body["error"];
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{}", self.text);
        assert!(error.get("details").is_none_or(Value::is_array), "{}", self.text);
    }

    /// The fields that the details of an error name, in order.
    pub(crate) fn fields(&self) -> Vec<&str> {
        let details = self.body["error"]["details"].as_array();
        details.into_iter().flatten().filter_map(|detail| detail["field"].as_str()).collect()
    }
}
