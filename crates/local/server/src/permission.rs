//! Who may call what, in a cloud that was started to enforce IAM, and what was asked for.
//!
//! The engine decides what a role may do; here stands who calls, and what all callers needed so far, so that a policy can
//! be measured by what is really used. Start at [`Permissions::check`].

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use serde_json::{Value, json};
use tidegate_engine::{
    ApiError, Scope, Timestamp,
    iam::authority::{self, Ask, Caller},
};
use tidegate_models::Secret;
use tidegate_wire::Call;

use crate::writer::{SharedEngine, lock_read};

/// How many different asks are kept: a suite of tests needs some hundreds.
const MOST_KEPT: usize = 10_000;

/// Whether callers are held to their roles' policies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EnforceIam {
    /// Nobody is refused anything.
    #[default]
    No,
    /// Credentials of an assumed role may do what its policies grant; the account's own keys may do everything.
    Yes,
}

/// How often something was asked for, and how that ended.
#[derive(Debug, Default)]
struct Counts {
    allowed: u64,
    denied: u64,
}

/// Checks calls, and remembers what they needed.
#[derive(Debug, Default)]
pub(crate) struct Permissions {
    enforce: EnforceIam,
    /// By caller, action and resource.
    asked: Mutex<BTreeMap<(String, String, String), Counts>>,
}

impl Permissions {
    pub(crate) fn new(enforce: EnforceIam) -> Self {
        Self { enforce, asked: Mutex::default() }
    }

    /// Whether the caller of `call` may make it.
    ///
    /// # Errors
    /// The error that AWS answers to whoever may not.
    pub(crate) fn check(&self, engine: &SharedEngine, call: &Call, now: Timestamp) -> Result<(), ApiError> {
        if self.enforce == EnforceIam::No {
            return Ok(());
        }
        let caller = caller(call);
        if let Caller::Role(session) = &caller
            && session.expires <= now
        {
            let code = if call.speaks_json() { "ExpiredTokenException" } else { "ExpiredToken" };
            return Err(ApiError::new(code, "The security token included in the request is expired"));
        }
        let engine = lock_read(engine);
        let scope = Scope { account: call.account.clone(), region: call.region.clone() };
        let asks = authority::needed(engine.state(), &scope, call.service, call.operation, &call.input);
        let denied = match &caller {
            Caller::Root => None,
            Caller::Role(session) => authority::authorize(engine.state(), session, &asks).err(),
        };
        drop(engine);
        self.remember(&caller.arn(&call.account), &asks, denied.as_ref().map(|denied| &denied.ask));
        match denied {
            Some(denied) => Err(denied.error(call.speaks_json())),
            None => Ok(()),
        }
    }

    fn remember(&self, caller: &str, asks: &[Ask], denied: Option<&Ask>) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        for ask in asks {
            let key = (caller.to_owned(), ask.action.clone(), ask.resource.clone());
            if asked.len() >= MOST_KEPT && !asked.contains_key(&key) {
                continue;
            }
            let counts = asked.entry(key).or_default();
            match denied {
                None => counts.allowed += 1,
                Some(denied) if denied == ask => counts.denied += 1,
                // Of a call that was refused nothing else was done.
                Some(_) => {}
            }
        }
    }

    /// What was asked for since the start or since the last [`Self::forget`].
    pub(crate) fn tell(&self) -> Value {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = asked.iter().filter(|(_, counts)| counts.allowed + counts.denied > 0);
        let rows = rows.map(|((caller, action, resource), counts)| {
            json!({
                "caller": caller, "action": action, "resource": resource,
                "allowed": counts.allowed, "denied": counts.denied,
            })
        });
        json!({ "enforced": self.enforce == EnforceIam::Yes, "actions": rows.collect::<Vec<_>>() })
    }

    pub(crate) fn forget(&self) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// `GetCallerIdentity` of whoever assumed a role; the engine knows the account alone.
pub(crate) fn identity(call: &Call) -> Option<Value> {
    if (call.service, call.operation) != ("sts", "GetCallerIdentity") {
        return None;
    }
    let Caller::Role(session) = caller(call) else { return None };
    // The id of a role is another thing than its name, but as steady.
    let user = format!("AROA{}:{}", session.role.to_ascii_uppercase(), session.name);
    Some(json!({ "Account": session.account, "Arn": session.arn(), "UserId": user }))
}

fn caller(call: &Call) -> Caller {
    Caller::of_token(call.session_token.as_ref().map(Secret::expose))
}
