//! What looks like a secret. It must rather take too much than too little: a value that was taken is asked for by name
//! later, one that was let through is in a repository for good. Start with [`is_secret`].

/// Words of a name that say that its value is secret, whatever the value.
const SECRET_WORDS: [&str; 18] = [
    "password",
    "passwd",
    "passphrase",
    "pass",
    "pwd",
    "pw",
    "pin",
    "secret",
    "secrets",
    "token",
    "tokens",
    "key",
    "keys",
    "credential",
    "credentials",
    "dsn",
    "apikey",
    "authorization",
];

/// Of these a short number or a yes or no is still a secret.
const ALWAYS: [&str; 9] =
    ["password", "passwd", "passphrase", "pass", "pwd", "pw", "pin", "secret", "credentials"];

/// Last words of a name whose value is about the secret, and is not it: `TOKEN_TTL`, `SECRET_ARN`.
const ABOUT: [&str; 18] = [
    "arn",
    "name",
    "names",
    "path",
    "file",
    "dir",
    "ttl",
    "expiry",
    "expires",
    "seconds",
    "minutes",
    "hours",
    "timeout",
    "length",
    "size",
    "algorithm",
    "issuer",
    "enabled",
];

/// How keys of well-known services begin.
const PREFIXES: [&str; 23] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xapp-",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "whsec_",
    "sk-ant-",
    "sk-proj-",
    "AIza",
    "SG.",
    "npm_",
    "pypi-",
    "dop_v1_",
    "hvs.",
];

/// Does this look like a secret, by its name or by itself?
pub fn is_secret(name: &str, value: &str) -> bool {
    is_secret_value(value) || is_secret_name(name, value)
}

/// Does it look like one by itself: a key of AWS or of a well-known service, a private key, a signed token, an address
/// with a password in it?
pub fn is_secret_value(value: &str) -> bool {
    value.contains("-----BEGIN ") && value.contains("PRIVATE KEY")
        || words_of(value).any(is_secret_word)
        || has_password_in_address(value)
        || is_assignment(value)
}

fn is_secret_name(name: &str, value: &str) -> bool {
    let words = name_words(name);
    let is_arn = value.starts_with("arn:aws");
    let is_about = words.last().is_some_and(|last| ABOUT.contains(&last.as_str()));
    if value.is_empty() || is_arn || is_about {
        return false;
    }
    let says_little = matches!(value.to_lowercase().as_str(), "true" | "false" | "yes" | "no" | "on" | "off")
        || (value.len() <= 6 && value.bytes().all(|b| b.is_ascii_digit()));
    words.iter().any(|word| {
        let word = word.as_str();
        // `DBPASSWORD`, `APIKEY`: nothing stands between the words.
        let ends = ["password", "passwd", "secret", "apikey", "token"].iter().any(|end| word.ends_with(end));
        (ends || SECRET_WORDS.contains(&word))
            && (!says_little || ALWAYS.contains(&word) || word.ends_with("password"))
    })
}

/// `dbPassword` and `DB_PASSWORD` are the same two words.
fn name_words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for c in name.chars() {
        let splits = !c.is_ascii_alphanumeric() || (after_lower && c.is_ascii_uppercase());
        if splits {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(c.to_ascii_lowercase());
        }
        after_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn words_of(value: &str) -> impl Iterator<Item = &str> {
    value.split(|c: char| c.is_whitespace() || "\"'`,;=()[]{}<>".contains(c)).filter(|word| !word.is_empty())
}

fn is_secret_word(word: &str) -> bool {
    is_access_key(word)
        || is_signed_token(word)
        || PREFIXES.iter().any(|prefix| word.starts_with(prefix) && word.len() >= prefix.len() + 16)
}

/// `AKIA…` and `ASIA…`: ids of access keys, twenty letters and digits.
fn is_access_key(word: &str) -> bool {
    word.len() == 20
        && ["AKIA", "ASIA"].iter().any(|prefix| word.starts_with(prefix))
        && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// A JSON Web Token: three parts, of which the first is JSON, so that it begins with `eyJ`.
fn is_signed_token(word: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    word.starts_with("eyJ")
        && word.len() > 30
        && word.split('.').count() == 3
        && word.split('.').take(2).all(is_part)
}

/// `postgres://user:password@host`, and a token alone before the `@`, such as `https://abc123@sentry.example/1`.
fn has_password_in_address(value: &str) -> bool {
    value.match_indices("://").any(|(at, _)| {
        let rest = &value[at + 3..];
        let authority = rest.split(['/', '?', '#', ' ', '"', '\'']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, host)| {
            let is_token = user.len() >= 16 && !user.contains('.');
            !host.is_empty()
                && (user.split_once(':').is_some_and(|(_, password)| !password.is_empty()) || is_token)
        })
    })
}

/// `--password=hunter2`, `Password=hunter2;`: a name with its value inside of a longer text.
fn is_assignment(value: &str) -> bool {
    value.split([' ', ';', '&', ',', '\n']).any(|part| {
        part.split_once('=').is_some_and(|(name, given)| {
            let name = name.trim_start_matches('-').rsplit(['?', '/']).next().unwrap_or_default();
            let given = given.trim_matches(['"', '\'']);
            let stands_for = given.starts_with('$') || given.starts_with("{{") || given.starts_with('<');
            let words = name_words(name);
            let tells = words.iter().any(|word| {
                ["password", "passwd", "pwd", "secret", "token", "apikey"]
                    .iter()
                    .any(|known| word.ends_with(known))
            });
            tells && !stands_for && is_secret_name(name, given)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_one() {
        let secrets = [
            ("DB_PASSWORD", "hunter2"),
            ("dbPassword", "1234"),
            ("PGPASSWORD", "x"),
            ("MYSQL_PWD", "x"),
            ("STRIPE_API_KEY", "abc"),
            ("SESSION_SECRET", "abc"),
            ("GITHUB_TOKEN", "abc"),
            ("SENTRY_DSN", "https://a@b/1"),
            ("PIN", "0000"),
            ("DATABASE_URL", "postgres://app:hunter2@db.example.com:5432/app"),
            ("REDIS", "rediss://:hunter2@cache:6379/0"),
            ("TRACES", "https://0123456789abcdef0123@o1.ingest.example/5"),
            ("A", "AKIAIOSFODNN7EXAMPLE"),
            ("A", "key is ASIAIOSFODNN7EXAMPLE, keep it"),
            (
                "A",
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
            ),
            ("A", "-----BEGIN RSA PRIVATE KEY-----\nMIIE"),
            ("A", "ghp_0123456789abcdefghij"),
            ("A", "Server=db;User Id=app;Password=hunter2;"),
            ("command", "--api-token=abcdef"),
            ("command", "start --db.password 'x' --password=\"y\""),
        ];
        for (name, value) in secrets {
            assert!(is_secret(name, value), "{name}={value}");
        }
    }

    #[test]
    fn what_is_about_a_secret_or_none_is_let_through() {
        let plain = [
            ("PORT", "8080"),
            ("LOG_LEVEL", "info"),
            ("TOKEN_TTL", "3600"),
            ("TOKEN_VALIDATION", "true"),
            ("MAX_TOKENS", "4096"),
            ("DB_SECRET_ARN", "arn:aws:secretsmanager:eu-west-1:1:secret:db"),
            ("SECRET", "arn:aws:secretsmanager:eu-west-1:1:secret:db"),
            ("SECRET_NAME", "prod/db"),
            ("DB_PASSWORD_FILE", "/run/secrets/db"),
            ("DATABASE_URL", "postgres://db.example.com:5432/app"),
            ("EMPTY_PASSWORD", ""),
            ("API_URL", "https://api.example.com/v1?x=1"),
            ("CONTACT", "https://ana@example.com/"),
            ("KEYBOARD", "qwerty"),
            ("MONKEY", "bananas"),
            ("COMMIT", "0123456789abcdef0123456789abcdef01234567"),
            ("command", "sh -c exec app --password=$DB_PASSWORD"),
        ];
        for (name, value) in plain {
            assert!(!is_secret(name, value), "{name}={value}");
        }
    }
}
