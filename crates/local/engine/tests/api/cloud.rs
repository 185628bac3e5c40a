//! A cloud to call: every accepted call is settled and committed, every refused one is held to have changed nothing.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use tidegate_engine::{
    Effect, Engine, Event, Missing, Request, Scope, Settings, StopCause, TaskChange, Timestamp,
    elbv2::TargetHealth,
};

pub(crate) struct Cloud {
    pub(crate) engine: Engine,
    now: Timestamp,
    scope: Scope,
    /// The service that is called, unless the operation's name says it.
    service: Option<&'static str>,
    /// The effects since the last look.
    effects: Vec<Effect>,
    /// What was stored, by table and key.
    rows: BTreeMap<(&'static str, String), Vec<u8>>,
}

/// Where load balancers listen.
const NETWORK: [u8; 2] = [127, 30];

fn new_engine(load_balancer_network: [u8; 2], missing: Missing) -> Engine {
    Engine::new(Settings { seed: 1, load_balancer_network, missing, registry: "127.0.0.1:4566".to_owned() })
}

impl Cloud {
    pub(crate) fn new() -> Self {
        Self {
            engine: new_engine(NETWORK, Missing::Fails),
            now: Timestamp::from_millis(1_790_000_000_000),
            scope: Scope { account: "123456789012".to_owned(), region: "eu-west-1".to_owned() },
            service: None,
            effects: Vec::new(),
            rows: BTreeMap::new(),
        }
    }

    /// What `work` calls is of this service.
    pub(crate) fn at<R>(&mut self, service: &'static str, work: impl FnOnce(&mut Self) -> R) -> R {
        let before = self.service.replace(service);
        let result = work(self);
        self.service = before;
        result
    }

    /// From here on, calls are of another account.
    pub(crate) fn be_account(&mut self, account: &str) {
        account.clone_into(&mut self.scope.account);
    }

    /// The reply of a call that must be accepted.
    #[track_caller]
    pub(crate) fn call(&mut self, operation: &str, input: Value) -> Value {
        match self.try_call(operation, input) {
            Ok(reply) => reply,
            Err(refused) => panic!("{operation} was refused: {refused}"),
        }
    }

    /// Tells of every task that is to stop that its containers are gone.
    pub(crate) fn end_all_tasks(&mut self) {
        self.pass(Duration::from_mins(10));
        for effect in self.take_effects() {
            if let Effect::StopTask(task) = effect {
                let change = TaskChange::Stopped { cause: StopCause::Requested, reason: String::new() };
                self.engine.observe(Event::Task { task, change }, self.now);
            }
        }
        self.settle();
    }

    /// The error of a call that must be refused, as `Code: message`.
    #[track_caller]
    pub(crate) fn refusal(&mut self, operation: &str, input: Value) -> String {
        match self.try_call(operation, input) {
            Ok(reply) => panic!("{operation} was accepted: {reply}"),
            Err(refused) => refused,
        }
    }

    /// A call that may be refused.
    #[track_caller]
    pub(crate) fn try_call(&mut self, operation: &str, input: Value) -> Result<Value, String> {
        match self.engine.write(self.request(operation, input), self.now) {
            Ok(reply) => {
                let reply = serde_json::to_value(&reply).unwrap();
                self.settle();
                Ok(reply)
            }
            Err(error) => {
                assert_eq!(self.engine.changes(), [], "a refused {operation} changed rows");
                assert_eq!(self.engine.commit(), [], "a refused {operation} asked for effects");
                Err(error.to_string())
            }
        }
    }

    /// What the balancer was told to look at since the last time that this was asked.
    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn report_health(&mut self, group: &str, target: &str, port: u16, health: TargetHealth) {
        let event =
            Event::TargetHealth { target_group: group.to_owned(), target: target.to_owned(), port, health };
        self.engine.observe(event, self.now);
        self.settle();
    }

    /// Something happens outside.
    pub(crate) fn observe(&mut self, event: Event) {
        self.engine.observe(event, self.now);
        self.settle();
    }

    /// Lets time pass, and everything that is due happen when it is.
    pub(crate) fn live(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.engine.next_due().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.settle();
        }
        self.now = end;
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.settle();
    }

    /// Starts again from what was stored, as after `kill -9`.
    pub(crate) fn restart(&mut self) {
        self.restart_in(NETWORK);
    }

    /// The same where another network is left for its load balancers.
    pub(crate) fn restart_in(&mut self, network: [u8; 2]) {
        self.engine = new_engine(network, Missing::Fails);
        for ((table, key), row) in &self.rows {
            self.engine.load(table, key, row).unwrap();
        }
        self.engine.resume();
        self.settle();
    }

    pub(crate) fn load_balancer(&mut self, name: &str) -> String {
        let input = json!({"Name": name, "Subnets": ["subnet-1", "subnet-2"]});
        let reply = self.call("CreateLoadBalancer", input);
        text(&reply["LoadBalancers"][0]["LoadBalancerArn"])
    }

    pub(crate) fn target_group(&mut self, name: &str) -> String {
        let input = json!({
            "Name": name, "Protocol": "HTTP", "Port": 8080, "VpcId": "vpc-1", "TargetType": "ip",
        });
        let reply = self.call("CreateTargetGroup", input);
        text(&reply["TargetGroups"][0]["TargetGroupArn"])
    }

    pub(crate) fn listener(&mut self, load_balancer: &str, port: u16, action: Value) -> String {
        let input = json!({
            "LoadBalancerArn": load_balancer, "Protocol": "HTTP", "Port": port, "DefaultActions": [action],
        });
        let reply = self.call("CreateListener", input);
        text(&reply["Listeners"][0]["ListenerArn"])
    }

    pub(crate) fn rule(&mut self, listener: &str, priority: u32, action: Value) -> String {
        let input = json!({
            "ListenerArn": listener, "Priority": priority, "Actions": [action],
            "Conditions": [{"Field": "path-pattern", "Values": [format!("/{priority}")]}],
        });
        let reply = self.call("CreateRule", input);
        text(&reply["Rules"][0]["RuleArn"])
    }

    /// State and reason of every target of a group.
    pub(crate) fn health(&mut self, group: &str) -> Vec<(String, String)> {
        let reply = self.call("DescribeTargetHealth", json!({"TargetGroupArn": group}));
        let descriptions = reply["TargetHealthDescriptions"].as_array().unwrap();
        let health = descriptions.iter().map(|description| &description["TargetHealth"]);
        health.map(|health| (text(&health["State"]), text(&health["Reason"]))).collect()
    }

    /// The stage of a rehearsal: secrets and log groups that are not there are invented.
    pub(crate) fn inventing() -> Self {
        Self { engine: new_engine(NETWORK, Missing::IsInvented), ..Self::new() }
    }

    /// A cloud of which one service is called, also by names of operations that others have too.
    pub(crate) fn of(service: &'static str) -> Self {
        Self { service: Some(service), ..Self::new() }
    }

    fn request(&self, operation: &str, input: Value) -> Request {
        let known =
            [tidegate_models::ecs::model(), tidegate_models::elbv2::model(), tidegate_models::ssm::model()];
        let by_name = || {
            let model = known.into_iter().find(|model| model.operation(operation).is_some());
            let model = model.unwrap_or_else(|| panic!("no service has an operation {operation}"));
            model.signing_name.as_str()
        };
        Request {
            service: self.service.unwrap_or_else(by_name),
            operation: operation.to_owned(),
            scope: self.scope.clone(),
            input,
        }
    }

    fn settle(&mut self) {
        self.engine.settle(self.now);
        for change in self.engine.changes() {
            match change.row {
                Some(row) => self.rows.insert((change.table, change.key), row),
                None => self.rows.remove(&(change.table, change.key)),
            };
        }
        self.effects.extend(self.engine.commit());
    }
}

/// The text of a member, empty when it is absent.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(crate) fn forward(group: &str) -> Value {
    json!({"Type": "forward", "TargetGroupArn": group})
}

pub(crate) fn not_found_page() -> Value {
    json!({"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}})
}

/// A reply as snapshots show it.
pub(crate) fn pretty(reply: &Value) -> String {
    serde_json::to_string_pretty(reply).unwrap()
}
