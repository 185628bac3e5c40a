//! Every operation with inputs that the model allows and nobody would write: none may panic, and a refused one changes
//! nothing ([`Cloud::try_call`] holds it to that).

use fastrand::Rng;
use serde_json::{Map, Value, json};
use tidegate_models::{Kind, Shape, ShapeId, ecs};

use super::{ARN, serving};
use crate::cloud::Cloud;

const CALLS: usize = 4_000;

#[test]
fn no_valid_input_panics_and_no_refused_one_changes_anything() {
    let model = ecs::model();
    let mut names: Vec<&str> = model.operations().map(|operation| operation.name.as_str()).collect();
    names.sort_unstable();
    for seed in 0..4 {
        let mut rng = Rng::with_seed(seed);
        let (mut cloud, group) = serving();
        let mut accepted = 0;
        for _ in 0..CALLS {
            let operation = names[rng.usize(..names.len())];
            let shape = model.operation(operation).and_then(|operation| operation.input);
            let input =
                shape.map_or(json!({}), |shape| Inputs { group: &group, rng: &mut rng }.value("", shape, 0));
            accepted += usize::from(cloud.try_call(operation, input).is_ok());
        }
        assert!(
            accepted > CALLS / 10,
            "seed {seed}: only {accepted} calls were accepted; the inputs teach nothing"
        );
        everything_is_described(&mut cloud);
    }
}

/// After all that, what is listed is also described.
fn everything_is_described(cloud: &mut Cloud) {
    let clusters = cloud.call("ListClusters", json!({}))["clusterArns"].clone();
    for cluster in clusters.as_array().unwrap() {
        let listed = cloud.call("ListServices", json!({ "cluster": cluster, "maxResults": 10 }));
        if listed["serviceArns"] != json!([]) {
            let services = json!({ "cluster": cluster, "services": listed["serviceArns"] });
            assert_eq!(cloud.call("DescribeServices", services)["failures"], json!([]));
        }
    }
}

/// Values by shape, drawn so that calls often mean the same things.
struct Inputs<'a> {
    group: &'a str,
    rng: &'a mut Rng,
}

impl Inputs<'_> {
    fn value(&mut self, name: &str, id: ShapeId, depth: usize) -> Value {
        let model = ecs::model();
        let shape = &model[id];
        match &shape.kind {
            Kind::Structure(members) => {
                let mut object = Map::new();
                for member in members {
                    // Deep and rare members less often, so that some calls are simple enough to be accepted.
                    if member.required || self.rng.usize(..3 + 2 * depth) == 0 {
                        object.insert(member.name.clone(), self.value(&member.name, member.shape, depth + 1));
                    }
                }
                Value::Object(object)
            }
            Kind::List { member, .. } => {
                let count = self.rng.usize(..3);
                (0..count).map(|_| self.value(name, *member, depth + 1)).collect()
            }
            Kind::Map { value, .. } => json!({ "key": self.value(name, *value, depth + 1) }),
            Kind::String => self.text(name, shape).into(),
            Kind::Integer | Kind::Long => self.number(name).into(),
            Kind::Double => json!(self.rng.f64()),
            Kind::Boolean => self.rng.bool().into(),
            Kind::Timestamp => json!(1_790_000_000.5),
            Kind::Blob => "AAAA".into(),
            Kind::Document => json!({}),
        }
    }

    fn text(&mut self, name: &str, shape: &Shape) -> String {
        if !shape.values.is_empty() {
            return shape.values[self.rng.usize(..shape.values.len())].clone();
        }
        let service = format!("{ARN}:service/prod/web");
        let usual: &[&str] = match name {
            "cluster" | "clusterName" | "clusters" => &["prod", "other"],
            "service" | "serviceName" | "services" => &["web", "api", &service],
            "taskDefinition" | "family" | "taskDefinitions" | "familyPrefix" => &["web", "web:1", "api"],
            "targetGroupArn" => &[self.group],
            "containerName" | "name" => &["app", "init"],
            "resourceArn" => &[&service],
            "networkMode" => &["awsvpc"],
            "cpu" => &["256", "512"],
            "memory" => &["512", "1024"],
            "image" => &["app:1", "app@sha256:0000"],
            _ => &["", "x", "ä ☃", "arn:aws:ecs:eu-west-1:123456789012:cluster/prod", "0"],
        };
        usual[self.rng.usize(..usual.len())].to_owned()
    }

    fn number(&mut self, name: &str) -> i32 {
        let usual: &[i32] = match name {
            "desiredCount" | "count" => &[0, 1, 3, -1],
            "containerPort" | "hostPort" => &[8080, 0, -1, 65_536],
            "maxResults" => &[1, 100, 0, -1],
            "memory" | "memoryReservation" => &[64, 0],
            _ => &[0, 1, 50, 100, 200, i32::MAX, i32::MIN],
        };
        usual[self.rng.usize(..usual.len())]
    }
}
