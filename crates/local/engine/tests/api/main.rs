//! The services through the engine: API calls in JSON, events and passing time in; replies, errors and effects out.

#![allow(missing_docs, reason = "tests")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![allow(clippy::needless_pass_by_value, reason = "inputs are written where they are used")]

mod application_autoscaling;
mod authority;
mod cloud;
mod cloudwatch;
mod codedeploy;
mod ec2;
mod ecr;
mod ecs;
mod elbv2;
mod iam;
mod logs;
mod random;
mod secretsmanager;
mod ssm;
mod sts;
mod texts;
