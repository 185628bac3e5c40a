//! A service model as the wire needs it: operations, shapes, constraints, errors.
//!
//! It is read once from a generated table and never changes. It knows nothing of bytes or behaviour. Start at
//! [`ServiceModel`].

use std::{collections::HashMap, ops::Index};

use serde_json::{Map, Value};

/// One AWS service as its model describes it, reduced to the implemented operations.
#[derive(Debug)]
pub struct ServiceModel {
    /// The name by which signatures name it, for example `ecs` or `elasticloadbalancing`.
    pub signing_name: String,
    /// The protocol that AWS's clients prefer for it.
    pub protocol: Protocol,
    /// Whether errors of its newer protocols also carry the code that its query protocol used.
    pub query_compatible: bool,
    /// The API version, as query requests carry it in `Version`.
    pub api_version: String,
    /// What stands before the operation's name in `X-Amz-Target`; awsJson only.
    pub target_prefix: Option<String>,
    /// The namespace of XML responses; query and ec2 query only.
    pub xml_namespace: Option<String>,
    protocols: Vec<Protocol>,
    operations: HashMap<String, Operation>,
    unimplemented: Vec<String>,
    shapes: Vec<Shape>,
    errors: HashMap<String, Error>,
}

/// How requests and responses of a service are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `application/x-amz-json-1.0`
    Json10,
    /// `application/x-amz-json-1.1`
    Json11,
    /// Form parameters in, XML out.
    Query,
    /// Like query, with EC2's own flat lists and names.
    Ec2Query,
    /// Smithy's RPC v2: the operation in the path, CBOR in and out.
    RpcV2Cbor,
}

/// One operation.
#[derive(Debug)]
pub struct Operation {
    /// Its name, for example `DescribeServices`.
    pub name: String,
    /// The structure of its request, if it has members.
    pub input: Option<ShapeId>,
    /// The structure of its response, if it has members.
    pub output: Option<ShapeId>,
    /// The XML element around the response's members; query only.
    pub result_wrapper: Option<String>,
    /// The names of the error shapes that the model lists for it.
    pub errors: Vec<String>,
}

/// Where a shape stands in its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShapeId(u32);

/// A shape: what kind of value, under which constraints.
#[derive(Debug)]
pub struct Shape {
    /// The shape's name in the AWS model.
    pub name: String,
    /// What kind of value it is.
    pub kind: Kind,
    /// The least length (strings in characters, lists and maps in entries) or the least number.
    pub min: Option<f64>,
    /// The greatest length or number.
    pub max: Option<f64>,
    /// The regular expression that a string must match.
    pub pattern: Option<String>,
    /// The values that a string may have; empty when any may be.
    pub values: Vec<String>,
    /// Whether its value must never be printed.
    pub sensitive: bool,
    /// Whether, of a structure, exactly one member is given.
    pub union: bool,
}

/// The kind of a shape.
#[derive(Debug)]
pub enum Kind {
    /// Named members, in the model's order.
    Structure(Vec<Member>),
    /// A list of one shape.
    List {
        /// The shape of each entry.
        member: ShapeId,
        /// The name of each entry in XML and query, when it is not `member`.
        location_name: Option<String>,
        /// Whether entries stand without an element around the list.
        flattened: bool,
    },
    /// A map from string to one shape.
    Map {
        /// The shape of each key.
        key: ShapeId,
        /// The shape of each value.
        value: ShapeId,
    },
    /// Text.
    String,
    /// A 32-bit number.
    Integer,
    /// A 64-bit number.
    Long,
    /// A floating-point number.
    Double,
    /// True or false.
    Boolean,
    /// A point in time.
    Timestamp,
    /// Bytes, base64 in JSON and query.
    Blob,
    /// Any JSON.
    Document,
}

/// A member of a structure.
#[derive(Debug)]
pub struct Member {
    /// Its name in the model, in JSON, and in typed structs.
    pub name: String,
    /// Its name in query and XML, when that differs.
    pub location_name: Option<String>,
    /// Its name in requests of ec2 query, when it is not derived from the other two.
    pub query_name: Option<String>,
    /// Its shape.
    pub shape: ShapeId,
    /// Whether a request without it is refused.
    pub required: bool,
}

/// An error that the model defines.
#[derive(Debug)]
pub struct Error {
    /// The code on the wire, for example `ClusterNotFoundException` or `TargetGroupNotFound`.
    pub code: String,
    /// The HTTP status, where the model gives one; else 400 for the client's fault and 500 for the server's.
    pub status: u16,
}

impl ServiceModel {
    /// The operation called `name`, if it is implemented.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.get(name)
    }

    /// All implemented operations, in no order.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.values()
    }

    /// Whether AWS has an operation called `name` that is not implemented here.
    pub fn is_unimplemented(&self, name: &str) -> bool {
        self.unimplemented.iter().any(|known| known == name)
    }

    /// The error whose shape is called `shape`.
    pub fn error(&self, shape: &str) -> Option<&Error> {
        self.errors.get(shape)
    }

    /// The error whose code on the wire is `code`, with the name of its shape.
    pub fn error_coded(&self, code: &str) -> Option<(&str, &Error)> {
        self.errors.iter().find(|(_, error)| error.code == code).map(|(shape, error)| (shape.as_str(), error))
    }

    /// Whether its clients may speak `protocol` to it.
    pub fn speaks(&self, protocol: Protocol) -> bool {
        self.protocols.contains(&protocol)
    }

    /// All shapes, in no order.
    pub fn shapes(&self) -> impl Iterator<Item = (ShapeId, &Shape)> {
        self.shapes.iter().enumerate().map(|(at, shape)| (ShapeId(at as u32), shape))
    }

    /// Reads a table like the generated ones; for tests of what works by tables. `None` when it is not one.
    pub fn from_table(table: &str) -> Option<Self> {
        Self::parse(table)
    }

    /// Reads a generated table. `None` when it is not one.
    pub(crate) fn parse(table: &str) -> Option<Self> {
        let table: Value = serde_json::from_str(table).ok()?;
        let shape_table = table.get("shapes")?.as_object()?;
        let ids: HashMap<&str, ShapeId> =
            shape_table.keys().enumerate().map(|(at, name)| (name.as_str(), ShapeId(at as u32))).collect();
        let shapes =
            shape_table.iter().map(|(name, shape)| parse_shape(name, shape, &ids)).collect::<Option<_>>()?;
        let shape_of = |operation: &Value, side: &str| ids.get(operation.get(side)?.as_str()?).copied();
        let operations = table.get("operations")?.as_object()?.iter().map(|(name, operation)| {
            let operation = Operation {
                name: name.clone(),
                input: shape_of(operation, "input"),
                output: shape_of(operation, "output"),
                result_wrapper: text(operation, "resultWrapper"),
                errors: texts(operation, "errors"),
            };
            (name.clone(), operation)
        });
        let errors = table.get("errors")?.as_object()?.iter().map(|(shape, error)| {
            let error = Error {
                code: text(error, "code")?,
                status: u16::try_from(error.get("status")?.as_u64()?).ok()?,
            };
            Some((shape.clone(), error))
        });
        let protocol = protocol_named(table.get("protocol")?.as_str()?)?;
        Some(Self {
            signing_name: text(&table, "signingName")?,
            protocol,
            protocols: match table.get("protocols").and_then(Value::as_array) {
                Some(names) => {
                    names.iter().map(|name| protocol_named(name.as_str()?)).collect::<Option<_>>()?
                }
                None => vec![protocol],
            },
            query_compatible: table.get("queryCompatible").is_some(),
            api_version: text(&table, "apiVersion")?,
            target_prefix: text(&table, "targetPrefix"),
            xml_namespace: text(&table, "xmlNamespace"),
            operations: operations.collect(),
            unimplemented: texts(&table, "unimplemented"),
            errors: errors.collect::<Option<_>>()?,
            shapes,
        })
    }
}

impl Index<ShapeId> for ServiceModel {
    type Output = Shape;

    fn index(&self, id: ShapeId) -> &Shape {
        &self.shapes[id.0 as usize]
    }
}

fn protocol_named(name: &str) -> Option<Protocol> {
    Some(match name {
        "json-1.0" => Protocol::Json10,
        "json-1.1" => Protocol::Json11,
        "query" => Protocol::Query,
        "ec2" => Protocol::Ec2Query,
        "smithy-rpc-v2-cbor" => Protocol::RpcV2Cbor,
        _ => return None,
    })
}

fn parse_shape(name: &str, shape: &Value, ids: &HashMap<&str, ShapeId>) -> Option<Shape> {
    let id = |key: &str| ids.get(shape.get(key)?.as_str()?).copied();
    let kind = match shape.get("type")?.as_str()? {
        "structure" => Kind::Structure(parse_members(shape.get("members")?.as_object()?, ids)?),
        "list" => Kind::List {
            member: id("member")?,
            location_name: text(shape, "locationName"),
            flattened: shape.get("flattened").is_some(),
        },
        "map" => Kind::Map { key: id("key")?, value: id("value")? },
        "string" => Kind::String,
        "integer" => Kind::Integer,
        "long" => Kind::Long,
        "double" | "float" => Kind::Double,
        "boolean" => Kind::Boolean,
        "timestamp" => Kind::Timestamp,
        "blob" => Kind::Blob,
        "document" => Kind::Document,
        _ => return None,
    };
    Some(Shape {
        name: name.to_owned(),
        kind,
        min: shape.get("min").and_then(Value::as_f64),
        max: shape.get("max").and_then(Value::as_f64),
        pattern: text(shape, "pattern"),
        values: texts(shape, "enum"),
        sensitive: shape.get("sensitive").is_some(),
        union: shape.get("union").is_some(),
    })
}

fn parse_members(members: &Map<String, Value>, ids: &HashMap<&str, ShapeId>) -> Option<Vec<Member>> {
    let parse = |(name, member): (&String, &Value)| {
        Some(Member {
            name: name.clone(),
            location_name: text(member, "locationName"),
            query_name: text(member, "queryName"),
            shape: *ids.get(member.get("shape")?.as_str()?)?,
            required: member.get("required").is_some(),
        })
    };
    members.iter().map(parse).collect()
}

fn text(object: &Value, key: &str) -> Option<String> {
    object.get(key)?.as_str().map(str::to_owned)
}

fn texts(object: &Value, key: &str) -> Vec<String> {
    let list = object.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generated_tables_are_read() {
        for (model, operation) in
            [(crate::ecs::model(), "UpdateService"), (crate::elbv2::model(), "ModifyRule")]
        {
            let operation = model.operation(operation).unwrap();
            let input = &model[operation.input.unwrap()];
            assert!(matches!(&input.kind, Kind::Structure(members) if !members.is_empty()));
            assert!(!operation.errors.is_empty());
        }
        assert!(crate::ecs::model().is_unimplemented("ExecuteCommand"));
    }
}
