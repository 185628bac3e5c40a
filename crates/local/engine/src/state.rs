//! The whole state of a local cloud, and what a change of it leaves to do.
//!
//! Everything durable is in a [`Table`]; everything else (the agenda, the effects not yet carried out) can be derived
//! from the tables after a restart. Handlers and reconcilers change the state only through it. Start at [`State`].

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tidegate_models::{Timestamp, ec2 as networks};

use crate::{
    Change, Effect, LoadError, Scope, Settings, Table,
    application_autoscaling::records as application_autoscaling,
    cloudwatch::{Metrics, records as cloudwatch},
    codedeploy::records as codedeploy,
    ec2::records as ec2,
    ecr::records as ecr,
    ecs::records as ecs,
    elbv2::records as elbv2,
    iam::records as iam,
    identity::Ids,
    lambda,
    logs::records as logs,
    secretsmanager::records as secretsmanager,
    ssm::records as ssm,
};

/// What a call is made with, beside its input.
#[derive(Clone, Debug)]
pub struct Context {
    /// The caller's account and region.
    pub scope: Scope,
    /// When the call is handled.
    pub now: Timestamp,
}

/// Something whose reconciler can be asked to look again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Subject {
    /// An ECS service, by ARN.
    Service(String),
    /// An ECS task, by ARN.
    Task(String),
    /// An ELBv2 target group, by ARN.
    TargetGroup(String),
    /// A deployment of CodeDeploy, by its key.
    Deployment(String),
    /// A CloudWatch alarm, by ARN.
    Alarm(String),
    /// A secret of Secrets Manager, by ARN.
    Secret(String),
    /// A scalable target of Application Auto Scaling, by its key.
    ScalableTarget(String),
    /// A repository of ECR, by ARN.
    Repository(String),
    /// The data points of all metrics.
    Metrics,
}

/// The state: one for all accounts and regions, keyed by ARNs.
#[derive(Debug)]
pub struct State {
    pub(crate) settings: Settings,
    pub(crate) ids: Ids,
    pub(crate) agenda: Agenda,
    pub(crate) effects: Vec<Effect>,
    /// Clusters by ARN.
    pub clusters: Table<ecs::Cluster>,
    /// Task definitions by [`ecs::TaskDefinition::key`].
    pub task_definitions: Table<ecs::TaskDefinition>,
    /// The last revision number given in each family, by [`ecs::TaskDefinition::family_key`].
    pub families: Table<u32>,
    /// Services by ARN; ACTIVE ones are indexed by cluster.
    pub services: Table<ecs::Service>,
    /// The events of services by [`ecs::ServiceEvent::key`]; indexed by service ARN.
    pub service_events: Table<ecs::ServiceEvent>,
    /// Service deployments by ARN; indexed by service ARN and by the alarms that they watch.
    pub service_deployments: Table<ecs::ServiceDeployment>,
    /// Service revisions by ARN; indexed by service ARN.
    pub service_revisions: Table<ecs::ServiceRevision>,
    /// Tasks by ARN; indexed by [`ecs::Task::index`].
    pub tasks: Table<ecs::Task>,
    /// Account settings by `account/region/principal/name`.
    pub account_settings: Table<String>,
    /// What idempotency tokens made, by `operation/scope/token`: an ARN.
    pub tokens: Table<String>,
    /// Load balancers by ARN; indexed by address.
    pub load_balancers: Table<elbv2::LoadBalancer>,
    /// Target groups by ARN.
    pub target_groups: Table<elbv2::TargetGroup>,
    /// Listeners by ARN; indexed by load balancer ARN.
    pub listeners: Table<elbv2::Listener>,
    /// Rules by ARN, default rules too; indexed by listener ARN and by the ARN of each target group that they forward to.
    pub rules: Table<elbv2::Rule>,
    /// Parameters of Parameter Store by [`ssm::Parameter::key`].
    pub parameters: Table<ssm::Parameter>,
    /// Older versions of parameters by [`ssm::Parameter::version_key`].
    pub parameter_versions: Table<ssm::Parameter>,
    /// Secrets of Secrets Manager by ARN; indexed by [`secretsmanager::Secret::index`].
    pub secrets: Table<secretsmanager::Secret>,
    /// Versions of secrets by [`secretsmanager::Version::key`]; indexed by the secret's ARN.
    pub secret_versions: Table<secretsmanager::Version>,
    /// Log groups by ARN.
    pub log_groups: Table<logs::LogGroup>,
    /// Log streams by ARN.
    pub log_streams: Table<logs::LogStream>,
    /// Applications of CodeDeploy by ARN.
    pub code_deploy_applications: Table<codedeploy::Application>,
    /// Deployment groups of CodeDeploy by [`codedeploy::DeploymentGroup::key`]; indexed by service ARN.
    pub deployment_groups: Table<codedeploy::DeploymentGroup>,
    /// Deployment configurations of CodeDeploy that someone made, by ARN.
    pub deployment_configs: Table<codedeploy::DeploymentConfig>,
    /// Revisions of CodeDeploy's applications by [`codedeploy::Revision::key`].
    pub application_revisions: Table<codedeploy::Revision>,
    /// Deployments of CodeDeploy by ARN; indexed by group id, and by service ARN for as long as they are not over.
    pub deployments: Table<codedeploy::Deployment>,
    /// Invocations of functions that somebody waits for, by id.
    pub invocations: Table<lambda::Invocation>,
    /// CloudWatch alarms by ARN; composite ones are indexed as such, others by the
    /// scaling policies that they drive.
    pub alarms: Table<cloudwatch::Alarm>,
    /// What happened to alarms by [`cloudwatch::AlarmHistory::key`]; indexed by alarm ARN.
    pub alarm_history: Table<cloudwatch::AlarmHistory>,
    /// VPCs by ARN.
    pub vpcs: Table<networks::Vpc>,
    /// The attributes of VPCs by the VPC's ARN.
    pub vpc_attributes: Table<ec2::VpcAttributes>,
    /// Subnets by ARN; indexed by VPC id.
    pub subnets: Table<networks::Subnet>,
    /// Security groups by ARN; indexed by VPC id.
    pub security_groups: Table<networks::SecurityGroup>,
    /// Rules of security groups by ARN; indexed by group id.
    pub security_group_rules: Table<networks::SecurityGroupRule>,
    /// Internet gateways by ARN; indexed by the id of the VPC that they are attached to.
    pub internet_gateways: Table<networks::InternetGateway>,
    /// Route tables by ARN; indexed by VPC id.
    pub route_tables: Table<networks::RouteTable>,
    /// Network ACLs by ARN; indexed by VPC id.
    pub network_acls: Table<networks::NetworkAcl>,
    /// NAT gateways by ARN; indexed by VPC id.
    pub nat_gateways: Table<networks::NatGateway>,
    /// Elastic IP addresses by ARN.
    pub elastic_ips: Table<networks::Address>,
    /// Capacity providers of ECS that someone made, by ARN.
    pub capacity_providers: Table<tidegate_models::ecs::CapacityProvider>,
    /// The data points of CloudWatch's metrics.
    pub(crate) metrics: Metrics,
    /// When each metric alarm is to be evaluated next, by ARN.
    pub(crate) evaluations: HashMap<String, Timestamp>,
    /// Roles of IAM by `account/name`.
    pub iam_roles: Table<iam::Role>,
    /// Managed policies of IAM that somebody made, by ARN.
    pub iam_policies: Table<iam::Policy>,
    /// Instance profiles of IAM by `account/name`.
    pub instance_profiles: Table<iam::InstanceProfile>,
    /// OpenID Connect providers of IAM by ARN.
    pub identity_providers: Table<iam::IdentityProvider>,
    /// Scalable targets by [`application_autoscaling::ScalableTarget::key`].
    pub scalable_targets: Table<application_autoscaling::ScalableTarget>,
    /// Scaling policies by [`application_autoscaling::ScalingPolicy::key`]; indexed by their target's key.
    pub scaling_policies: Table<application_autoscaling::ScalingPolicy>,
    /// Scheduled actions by the key that a policy of that name would have.
    pub scheduled_actions: Table<application_autoscaling::ScheduledAction>,
    /// Scaling activities by [`application_autoscaling::Activity::key`]; indexed by their target's key.
    pub scaling_activities: Table<application_autoscaling::Activity>,
    /// Repositories of ECR by ARN.
    pub repositories: Table<ecr::Repository>,
    /// Images of ECR by [`ecr::Image::key`]; indexed by repository and as that type says.
    pub images: Table<ecr::Image>,
    /// Layers of ECR by [`ecr::Layer::key`]; indexed by repository and by digest.
    pub layers: Table<ecr::Layer>,
    /// Tags by ARN of what they are on, of every service; keys in order.
    pub tags: Table<BTreeMap<String, String>>,
}

/// Calls `$action` with each table; the one list of them.
macro_rules! each_table {
    ($state:expr, $table:ident => $action:expr) => {{
        let state = $state;
        each_table!(@ state, $table, $action, clusters, task_definitions, families, services, service_events,
            service_deployments, service_revisions, tasks, account_settings, tokens, load_balancers, target_groups,
            listeners, rules, parameters, parameter_versions, secrets, secret_versions, log_groups,
            log_streams, code_deploy_applications, deployment_groups, deployment_configs,
            application_revisions, deployments, invocations, alarms, alarm_history, vpcs,
            vpc_attributes, subnets, security_groups, security_group_rules, internet_gateways, route_tables,
            network_acls, nat_gateways, elastic_ips, capacity_providers, tags,
            iam_roles, iam_policies, instance_profiles, identity_providers,
            scalable_targets, scaling_policies, scheduled_actions, scaling_activities, repositories,
            images, layers);
    }};
    (@ $state:ident, $table:ident, $action:expr, $($field:ident),*) => {
        $({ let $table = &mut $state.$field; $action; })*
    };
}

impl State {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            ids: Ids::seeded(settings.seed),
            settings,
            agenda: Agenda::default(),
            effects: Vec::new(),
            clusters: Table::new("clusters"),
            task_definitions: Table::new("task_definitions"),
            families: Table::new("families"),
            services: Table::indexed("services", ecs::Service::index),
            service_events: Table::indexed("service_events", |row| Some(row.service_arn.clone())),
            service_deployments: Table::indexed_by_many("service_deployments", ecs::ServiceDeployment::index),
            service_revisions: Table::indexed("service_revisions", |row| Some(row.service_arn.clone())),
            tasks: Table::indexed_by_many("tasks", ecs::Task::index),
            account_settings: Table::new("account_settings"),
            tokens: Table::new("tokens"),
            load_balancers: Table::indexed("load_balancers", |row| Some(row.address.to_string())),
            target_groups: Table::new("target_groups"),
            listeners: Table::indexed("listeners", |row| Some(row.load_balancer_arn.clone())),
            rules: Table::indexed_by_many("rules", elbv2::Rule::index),
            parameters: Table::new("parameters"),
            parameter_versions: Table::new("parameter_versions"),
            secrets: Table::indexed("secrets", |row| Some(row.own_index())),
            secret_versions: Table::indexed("secret_versions", |row| Some(row.secret_arn.clone())),
            log_groups: Table::new("log_groups"),
            log_streams: Table::new("log_streams"),
            code_deploy_applications: Table::new("code_deploy_applications"),
            deployment_groups: Table::indexed("deployment_groups", |row| Some(row.service_arn.clone())),
            deployment_configs: Table::new("deployment_configs"),
            application_revisions: Table::new("application_revisions"),
            deployments: Table::indexed_by_many("deployments", codedeploy::Deployment::index),
            invocations: Table::new("invocations"),
            alarms: Table::indexed_by_many("alarms", cloudwatch::Alarm::index),
            alarm_history: Table::indexed("alarm_history", |row| Some(row.alarm_arn.clone())),
            vpcs: Table::new("vpcs"),
            vpc_attributes: Table::new("vpc_attributes"),
            subnets: Table::indexed("subnets", |row| row.vpc_id.clone()),
            security_groups: Table::indexed("security_groups", |row| row.vpc_id.clone()),
            security_group_rules: Table::indexed("security_group_rules", |row| row.group_id.clone()),
            internet_gateways: Table::indexed("internet_gateways", |row| {
                row.attachments.iter().flatten().find_map(|attachment| attachment.vpc_id.clone())
            }),
            route_tables: Table::indexed("route_tables", |row| row.vpc_id.clone()),
            network_acls: Table::indexed("network_acls", |row| row.vpc_id.clone()),
            nat_gateways: Table::indexed("nat_gateways", |row| row.vpc_id.clone()),
            elastic_ips: Table::new("elastic_ips"),
            capacity_providers: Table::new("capacity_providers"),
            metrics: Metrics::default(),
            evaluations: HashMap::new(),
            iam_roles: Table::new("iam_roles"),
            iam_policies: Table::new("iam_policies"),
            instance_profiles: Table::new("instance_profiles"),
            identity_providers: Table::new("identity_providers"),
            scalable_targets: Table::new("scalable_targets"),
            scaling_policies: Table::indexed("scaling_policies", |row| Some(row.target.clone())),
            scheduled_actions: Table::new("scheduled_actions"),
            scaling_activities: Table::indexed("scaling_activities", |row| Some(row.target.clone())),
            repositories: Table::new("repositories"),
            images: Table::indexed_by_many("images", ecr::Image::index),
            layers: Table::indexed_by_many("layers", ecr::Layer::index),
            tags: Table::new("tags"),
        }
    }

    /// Asks for `subject` to be reconciled before the change is acknowledged.
    pub(crate) fn touch(&mut self, subject: Subject) {
        self.agenda.touched.insert(subject);
    }

    /// Puts the tags of what has this ARN in place of those that it has; what has none has no row.
    pub(crate) fn put_tags(&mut self, arn: &str, tags: BTreeMap<String, String>) {
        if tags.is_empty() {
            self.tags.remove(arn);
        } else {
            self.tags.insert(arn, tags);
        }
    }

    /// Asks for `effect` to be carried out once the change is durable.
    pub(crate) fn effect(&mut self, effect: Effect) {
        if !self.effects.contains(&effect) {
            self.effects.push(effect);
        }
    }

    pub(crate) fn changes(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        each_table!(&mut *self, table => changes.extend(table.changes()));
        changes.extend(self.metrics.changes());
        changes
    }

    pub(crate) fn commit(&mut self) -> Vec<Effect> {
        each_table!(&mut *self, table => table.commit());
        self.metrics.commit();
        std::mem::take(&mut self.effects)
    }

    /// Takes back all changes since the last commit. The agenda is asked to look at everything that was touched again.
    pub(crate) fn roll_back(&mut self) {
        each_table!(&mut *self, table => table.roll_back());
        self.metrics.roll_back();
        self.effects.clear();
    }

    pub(crate) fn load(&mut self, table_name: &str, key: &str, row: &[u8]) -> Result<(), LoadError> {
        each_table!(&mut *self, table => if table.name() == table_name { return table.load(key, row) });
        if let Some(loaded) = self.metrics.load(table_name, key, row) {
            return loaded;
        }
        Err(LoadError::UnknownTable(table_name.to_owned()))
    }

    /// Asks for everything to be looked at, and for each invocation to be made that has no answer yet: after a restart,
    /// when agenda and effects are empty.
    pub(crate) fn touch_everything(&mut self) {
        let services = self.services.iter().map(|(arn, _)| Subject::Service(arn.to_owned()));
        let tasks = self.tasks.iter().map(|(arn, _)| Subject::Task(arn.to_owned()));
        let groups = self.target_groups.iter().map(|(arn, _)| Subject::TargetGroup(arn.to_owned()));
        // Composite alarms move only with their children: one that was set by hand stays as it was set.
        let alarms = self.alarms.iter().filter(|(_, alarm)| !alarm.is_composite());
        let alarms = alarms.map(|(arn, _)| Subject::Alarm(arn.to_owned()));
        let deployments = self.deployments.iter().filter(|(_, row)| !row.is_over());
        let deployments = deployments.map(|(arn, _)| Subject::Deployment(arn.to_owned()));
        let secrets = self.secrets.iter().map(|(arn, _)| Subject::Secret(arn.to_owned()));
        let scalable = self.scalable_targets.iter().map(|(key, _)| Subject::ScalableTarget(key.to_owned()));
        let repositories = self.repositories.iter().map(|(arn, _)| Subject::Repository(arn.to_owned()));
        let touched = services
            .chain(tasks)
            .chain(groups)
            .chain(deployments)
            .chain(alarms)
            .chain(secrets)
            .chain(scalable)
            .chain(repositories)
            .chain([Subject::Metrics])
            .collect();
        // All that is there says anew when it wants to be looked at; what was taken back wants nothing any more.
        self.agenda = Agenda { touched, ..Agenda::default() };
        self.effects = self.invocations.iter().map(|(id, _)| Effect::InvokeFunction(id.to_owned())).collect();
    }
}

/// What is to be reconciled at once, and what when.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    touched: BTreeSet<Subject>,
    due: BTreeSet<(Timestamp, Subject)>,
    wake: HashMap<Subject, Timestamp>,
}

impl Agenda {
    /// The next subject to reconcile at `now`.
    pub(crate) fn next(&mut self, now: Timestamp) -> Option<Subject> {
        if let Some(subject) = self.touched.pop_first() {
            return Some(subject);
        }
        let (at, _) = self.due.first()?;
        if *at > now {
            return None;
        }
        let (_, subject) = self.due.pop_first()?;
        self.wake.remove(&subject);
        Some(subject)
    }

    /// Sets when `subject` wants to be looked at again, in place of what it wanted before.
    pub(crate) fn set_wake(&mut self, subject: Subject, at: Option<Timestamp>) {
        if let Some(old) = self.wake.remove(&subject) {
            self.due.remove(&(old, subject.clone()));
        }
        if let Some(at) = at {
            self.wake.insert(subject.clone(), at);
            self.due.insert((at, subject));
        }
    }

    /// When the next subject is due; `None` when nothing is.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }
}
