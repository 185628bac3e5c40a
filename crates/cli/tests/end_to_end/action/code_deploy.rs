//! Amazon's inputs for a service that CodeDeploy deploys: application, group and AppSpec, whose hooks are kept.

use serde_json::{Value, json};

use crate::{
    api::{codedeploy, ecs, elbv2, element},
    cloud::{Cloud, wait_until},
    workflow::{Ended, Job},
};

#[test]
fn a_service_of_codedeploy_ships_by_amazons_inputs_and_the_hooks_of_its_appspec_are_called() {
    let functions =
        "  functions:\n    smoke: { command: [/bin/sh, -c, \"cat > called.new && mv called.new called\"] }\n";
    let cloud = Cloud::start_configured(functions, &["--speed", "20"]);
    service(&cloud);
    let definition = definition("sample:2");
    let step = |spec: &Value, inputs: &str| -> Ended {
        let workflow = format!(
            "jobs:\n  ship:\n    steps:\n      - uses: aws-actions/configure-aws-credentials@v4\n        with: {{ aws-region: eu-west-1 }}\n      \
             - uses: tidegate/tidegate@v1\n        with:\n          task-definition: td.json\n          cluster: shop\n          \
             service: web\n          wait-for-service-stability: true\n{inputs}"
        );
        let files = [("td.json", definition.to_string()), ("spec.json", spec.to_string())];
        let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
        Job::of(&workflow, "abc", &files, &cloud).run().pop().unwrap()
    };
    let group = "          codedeploy-application: shop\n          codedeploy-deployment-group: web\n";
    let spec = |port: u16| {
        json!({
            "version": 0.0,
            "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": {
                "TaskDefinition": "<TASK_DEFINITION>", "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": port}}}}],
            "Hooks": [{"BeforeAllowTraffic": "smoke"}],
        })
    };

    // Where nothing names them it looks for the names that Amazon's action would.
    let unnamed = step(&spec(8080), "");
    assert_eq!(unnamed.exit, Some(1), "{}", unnamed.said);
    assert!(unnamed.said.contains("AppECS-shop-web"), "{}", unnamed.said);

    let differs = step(&spec(9090), &format!("{group}          codedeploy-appspec: spec.json\n"));
    assert_eq!(differs.exit, Some(1), "{}", differs.said);
    assert!(
        differs.said.contains("the AppSpec sends traffic to app:9090, and the service to app:8080"),
        "{}",
        differs.said
    );

    let asked = cloud.folder().join("called");
    let shipped = std::thread::scope(|scope| {
        let shipped =
            scope.spawn(|| step(&spec(8080), &format!("{group}          codedeploy-appspec: spec.json\n")));
        // The function says that all is well.
        wait_until("the hook is called", || asked.exists());
        let asked: Value = serde_json::from_slice(&std::fs::read(&asked).unwrap()).unwrap();
        let answer = json!({"deploymentId": asked["DeploymentId"], "status": "Succeeded",
            "lifecycleEventHookExecutionId": asked["LifecycleEventHookExecutionId"]});
        call(codedeploy(cloud.endpoint(), "PutLifecycleEventHookExecutionStatus", &answer));
        shipped.join().unwrap()
    });
    assert_eq!(shipped.exit, Some(0), "{}", shipped.said);
    assert_eq!(shipped.outputs["verdict"], "promoted");
    let id = &shipped.outputs["codedeploy-deployment-id"];
    let deployment = call(codedeploy(cloud.endpoint(), "GetDeployment", &json!({"deploymentId": id})));
    // The config is the group's own, since nothing named another.
    assert_eq!(deployment["deploymentInfo"]["deploymentConfigName"], "CodeDeployDefault.ECSAllAtOnce");
    assert!(shipped.summary.contains("| Strategy | blue\\_green by code\\_deploy |"), "{}", shipped.summary);
}

fn definition(image: &str) -> Value {
    json!({
        "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{
            "name": "app", "image": image, "portMappings": [{"containerPort": 8080}], "stopTimeout": 2,
        }],
    })
}

/// A service behind a listener, and the group that deploys it.
fn service(cloud: &Cloud) {
    let at = cloud.endpoint();
    let elb = |operation: &str, parameters: &str| {
        let (status, body) = elbv2(at, operation, parameters).unwrap();
        assert_eq!(status, 200, "{operation}: {body}");
        body
    };
    let [blue, _] = ["blue", "green"].map(|name| {
        let check = "HealthCheckPath=/health&HealthCheckIntervalSeconds=5&HealthCheckTimeoutSeconds=2&HealthyThresholdCount=2";
        let made = format!("Name={name}&Protocol=HTTP&Port=8080&VpcId=vpc-1&TargetType=ip&{check}");
        element(&elb("CreateTargetGroup", &made), "TargetGroupArn")
    });
    let balancer = elb("CreateLoadBalancer", "Name=web&Subnets.member.1=subnet-1&Subnets.member.2=subnet-2");
    let balancer = element(&balancer, "LoadBalancerArn");
    let action =
        format!("DefaultActions.member.1.Type=forward&DefaultActions.member.1.TargetGroupArn={blue}");
    let listener =
        elb("CreateListener", &format!("LoadBalancerArn={balancer}&Protocol=HTTP&Port=8080&{action}"));
    let listener = element(&listener, "ListenerArn");
    call(ecs(at, "CreateCluster", &json!({"clusterName": "shop"})));
    call(ecs(at, "RegisterTaskDefinition", &definition("sample:1")));
    call(ecs(
        at,
        "CreateService",
        &json!({
            "cluster": "shop", "serviceName": "web", "taskDefinition": "web", "desiredCount": 1, "launchType": "FARGATE",
            "deploymentController": {"type": "CODE_DEPLOY"},
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            "loadBalancers": [{"targetGroupArn": blue, "containerName": "app", "containerPort": 8080}],
        }),
    ));
    wait_until("blue is healthy", || {
        elb("DescribeTargetHealth", &format!("TargetGroupArn={blue}")).contains("<State>healthy</State>")
    });
    call(codedeploy(at, "CreateApplication", &json!({"applicationName": "shop", "computePlatform": "ECS"})));
    call(codedeploy(
        at,
        "CreateDeploymentGroup",
        &json!({
            "applicationName": "shop", "deploymentGroupName": "web",
            "serviceRoleArn": "arn:aws:iam::000000000000:role/deploy",
            "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
            "ecsServices": [{"clusterName": "shop", "serviceName": "web"}],
            "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
            "blueGreenDeploymentConfiguration": {
                "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 0},
                "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT"},
            },
            "loadBalancerInfo": {"targetGroupPairInfoList": [{
                "targetGroups": [{"name": "blue"}, {"name": "green"}], "prodTrafficRoute": {"listenerArns": [listener]},
            }]},
        }),
    ));
}

fn call(answer: crate::api::Answer) -> Value {
    let (status, body) = answer.unwrap();
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap_or_default()
}
