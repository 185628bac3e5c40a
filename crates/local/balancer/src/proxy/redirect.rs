//! The redirect action: a location from a template and the request's own parts.
//!
//! Placeholders are filled once, never in what they brought in. Start at [`location`].

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode, Uri,
    header::{CONTENT_TYPE, LOCATION, SERVER},
};

use super::{ProxyBody, answers::SERVER_NAME};
use crate::config::{Redirect, RedirectStatus};

/// What the placeholders stand for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestParts<'a> {
    /// `http` or `https`.
    pub(crate) protocol: &'a str,
    /// Without a port.
    pub(crate) host: &'a str,
    /// The listener's.
    pub(crate) port: u16,
    pub(crate) uri: &'a Uri,
}

/// The response of a redirect action.
pub(crate) fn redirect(action: &Redirect, request: RequestParts<'_>) -> Response<ProxyBody> {
    let (status, title) = match action.status {
        RedirectStatus::MovedPermanently => (StatusCode::MOVED_PERMANENTLY, "301 Moved Permanently"),
        RedirectStatus::Found => (StatusCode::FOUND, "302 Found"),
    };
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n\
         </html>\r\n"
    );
    let mut response = Response::new(ProxyBody::Whole(Bytes::from(page)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(SERVER, SERVER_NAME);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    if let Ok(location) = HeaderValue::try_from(location(action, request)) {
        headers.insert(LOCATION, location);
    }
    response
}

/// The URL that a redirect leads to, its port always written out, as ALB does.
fn location(action: &Redirect, request: RequestParts<'_>) -> String {
    let fill = |template: &str| fill(template, request);
    let protocol = fill(&action.protocol).to_ascii_lowercase();
    let (host, port, path, query) =
        (fill(&action.host), fill(&action.port), fill(&action.path), fill(&action.query));
    let question_mark = if query.is_empty() { "" } else { "?" };
    format!("{protocol}://{host}:{port}{path}{question_mark}{query}")
}

fn fill(template: &str, request: RequestParts<'_>) -> String {
    let mut filled = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, from)) = rest.split_once("#{") {
        filled.push_str(before);
        let Some((name, after)) = from.split_once('}') else {
            filled.push_str("#{");
            rest = from;
            continue;
        };
        match name {
            "protocol" => filled.push_str(request.protocol),
            "host" => filled.push_str(request.host),
            "port" => filled.push_str(&request.port.to_string()),
            "path" => filled.push_str(request.uri.path().trim_start_matches('/')),
            "query" => filled.push_str(request.uri.query().unwrap_or_default()),
            unknown => {
                filled.push_str("#{");
                filled.push_str(unknown);
                filled.push('}');
            }
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(action: &Redirect) -> String {
        let uri = Uri::from_static("/a/b?c=d");
        location(action, RequestParts { protocol: "http", host: "example.com", port: 80, uri: &uri })
    }

    #[test]
    fn the_defaults_lead_back_to_the_request() {
        assert_eq!(to(&Redirect::default()), "http://example.com:80/a/b?c=d");
    }

    #[test]
    fn each_part_can_be_replaced_or_extended() {
        let action = Redirect {
            protocol: "HTTPS".to_owned(),
            host: "www.#{host}".to_owned(),
            port: "443".to_owned(),
            path: "/new/#{path}".to_owned(),
            query: "from=#{host}&#{query}".to_owned(),
            ..Redirect::default()
        };
        assert_eq!(to(&action), "https://www.example.com:443/new/a/b?from=example.com&c=d");
    }

    #[test]
    fn a_query_can_be_dropped_and_unknown_placeholders_stay() {
        let action =
            Redirect { query: String::new(), path: "/#{nothing}/#{".to_owned(), ..Redirect::default() };
        assert_eq!(to(&action), "http://example.com:80/#{nothing}/#{");
    }
}
