//! The two cookies: of a session, and of whoever is about to sign in.

use axum::http::{HeaderMap, HeaderValue, header};

const LONGEST_COOKIES: usize = 50;

/// A cookie, by what it is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cookie {
    /// The session's token.
    Session,
    /// What binds the form of the sign-in to a browser.
    Visit,
}

impl Cookie {
    /// Over https a name that only this host, and only over https, can set.
    fn name(self, is_https: bool) -> &'static str {
        match (self, is_https) {
            (Self::Session, true) => "__Host-applyd",
            (Self::Session, false) => "applyd_session",
            (Self::Visit, true) => "__Host-applyd-visit",
            (Self::Visit, false) => "applyd_visit",
        }
    }

    /// Its value in a request, if it is a secret as we make them.
    pub(super) fn of(self, headers: &HeaderMap, is_https: bool) -> Option<String> {
        let name = self.name(is_https);
        let all = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = all.flat_map(|line| line.split(';')).take(LONGEST_COOKIES);
        let value = pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))?;
        applyd_core::ids::looks_like_secret(value).then(|| value.to_owned())
    }

    /// Sets it, for as long as the browser is open or the session stands; `None` takes it away.
    pub(super) fn set(self, value: Option<&str>, is_https: bool) -> Option<HeaderValue> {
        let (name, secure) = (self.name(is_https), if is_https { "; Secure" } else { "" });
        let life = match (self, value) {
            (_, None) => "; Max-Age=0".to_owned(),
            (Self::Session, Some(_)) => {
                format!("; Max-Age={}", applyd_core::sign_in::SESSION_LIVES_MS / 1000)
            }
            (Self::Visit, Some(_)) => String::new(),
        };
        let value = value.unwrap_or_default();
        HeaderValue::try_from(format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{life}")).ok()
    }
}
