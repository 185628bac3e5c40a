#!/usr/bin/env bash
# Create, update, describe and delete everything with the AWS CLI, as people type it.
set -euo pipefail
export AWS_PAGER="" AWS_DEFAULT_OUTPUT=text
name=typed

is() { # what, expected, found
  [ "$2" = "$3" ] || { echo "$1: expected '$2', found '$3'" >&2; exit 1; }
}

fails_with() { # code, command…
  local code=$1 output; shift
  if output=$("$@" 2>&1); then echo "no error from: $*" >&2; exit 1; fi
  [[ $output == *"($code)"* ]] || { echo "expected $code, found: $output" >&2; exit 1; }
}

# Elastic Load Balancing
balancer=$(aws elbv2 create-load-balancer --name $name --subnets subnet-1 subnet-2 --query 'LoadBalancers[0].LoadBalancerArn')
address=$(aws elbv2 describe-load-balancers --names $name --query 'LoadBalancers[0].DNSName')
group=$(aws elbv2 create-target-group --name $name --protocol HTTP --port 8080 --vpc-id vpc-1 --target-type ip \
  --health-check-path /health --health-check-interval-seconds 5 --health-check-timeout-seconds 2 --healthy-threshold-count 2 --query 'TargetGroups[0].TargetGroupArn')
other=$(aws elbv2 create-target-group --name $name-2 --protocol HTTP --port 8080 --vpc-id vpc-1 --target-type ip --query 'TargetGroups[0].TargetGroupArn')
aws elbv2 modify-target-group-attributes --target-group-arn "$group" --attributes Key=deregistration_delay.timeout_seconds,Value=5 >/dev/null
is "an attribute" 5 "$(aws elbv2 describe-target-group-attributes --target-group-arn "$group" --query "Attributes[?Key=='deregistration_delay.timeout_seconds'].Value")"
listener=$(aws elbv2 create-listener --load-balancer-arn "$balancer" --protocol HTTP --port 8081 --default-actions Type=forward,TargetGroupArn="$group" --query 'Listeners[0].ListenerArn')
rule=$(aws elbv2 create-rule --listener-arn "$listener" --priority 10 --conditions Field=path-pattern,Values='/fixed*' \
  --actions 'Type=fixed-response,FixedResponseConfig={StatusCode=418,ContentType=text/plain,MessageBody=teapot}' --query 'Rules[0].RuleArn')
is "a fixed response" teapot "$(curl -s "http://$address:8081/fixed")"
aws elbv2 modify-rule --rule-arn "$rule" --conditions Field=path-pattern,Values='/moved*' >/dev/null
aws elbv2 set-rule-priorities --rule-priorities RuleArn="$rule",Priority=20 >/dev/null
is "rules in order" "20 default" "$(aws elbv2 describe-rules --listener-arn "$listener" --query 'Rules[].Priority' | tr '\t' ' ')"
fails_with PriorityInUse aws elbv2 create-rule --listener-arn "$listener" --priority 20 --conditions Field=path-pattern,Values=/x --actions Type=forward,TargetGroupArn="$other"
fails_with ResourceInUse aws elbv2 delete-target-group --target-group-arn "$group"
fails_with TargetGroupNotFound aws elbv2 describe-target-groups --names no-such-group
aws elbv2 modify-target-group --target-group-arn "$other" --health-check-path /other >/dev/null
is "a health check path" /other "$(aws elbv2 describe-target-groups --target-group-arns "$other" --query 'TargetGroups[0].HealthCheckPath')"
aws elbv2 modify-load-balancer-attributes --load-balancer-arn "$balancer" --attributes Key=idle_timeout.timeout_seconds,Value=30 >/dev/null
is "an attribute of the balancer" 30 "$(aws elbv2 describe-load-balancer-attributes --load-balancer-arn "$balancer" --query "Attributes[?Key=='idle_timeout.timeout_seconds'].Value")"
aws elbv2 modify-listener --listener-arn "$listener" --port 8081 >/dev/null
is "the listener's port" 8081 "$(aws elbv2 describe-listeners --load-balancer-arn "$balancer" --query 'Listeners[0].Port')"
aws elbv2 register-targets --target-group-arn "$other" --targets Id=127.0.0.1,Port=9
is "a target by hand" 127.0.0.1 "$(aws elbv2 describe-target-health --target-group-arn "$other" --query 'TargetHealthDescriptions[0].Target.Id')"
aws elbv2 deregister-targets --target-group-arn "$other" --targets Id=127.0.0.1,Port=9
aws elbv2 add-tags --resource-arns "$balancer" --tags Key=team,Value=web
is "a tag" web "$(aws elbv2 describe-tags --resource-arns "$balancer" --query "TagDescriptions[0].Tags[?Key=='team'].Value")"

# ECS
aws ecs create-cluster --cluster-name $name --tags key=team,value=web >/dev/null
is "the cluster" ACTIVE "$(aws ecs describe-clusters --clusters $name --query 'clusters[0].status')"
aws ecs update-cluster-settings --cluster $name --settings name=containerInsights,value=enabled >/dev/null
is "a setting" enabled "$(aws ecs describe-clusters --clusters $name --include SETTINGS --query 'clusters[0].settings[0].value')"
aws ecs put-account-setting --name awsvpcTrunking --value enabled >/dev/null
is "an account setting" enabled "$(aws ecs list-account-settings --name awsvpcTrunking --query 'settings[0].value')"
aws ecs delete-account-setting --name awsvpcTrunking >/dev/null
is "a missing cluster" MISSING "$(aws ecs describe-clusters --clusters nowhere --query 'failures[0].reason')"
register() {
  aws ecs register-task-definition --family $name --network-mode awsvpc --requires-compatibilities FARGATE --cpu 256 --memory 512 \
    --container-definitions "[{\"name\":\"app\",\"image\":\"$1\",\"portMappings\":[{\"containerPort\":8080}]}]" --query taskDefinition.taskDefinitionArn
}
first=$(register sample:1)
aws ecs create-service --cluster $name --service-name $name --task-definition "$first" --desired-count 2 --launch-type FARGATE \
  --network-configuration 'awsvpcConfiguration={subnets=[subnet-1]}' --load-balancers targetGroupArn="$group",containerName=app,containerPort=8080 \
  --deployment-configuration 'deploymentCircuitBreaker={enable=true,rollback=true}' >/dev/null
aws ecs wait services-stable --cluster $name --services $name
is "healthy targets" "healthy healthy" "$(aws elbv2 describe-target-health --target-group-arn "$group" --query 'TargetHealthDescriptions[].TargetHealth.State' | tr '\t' ' ')"
is "the answer" 200 "$(curl -s -o /dev/null -w '%{http_code}' "http://$address:8081/")"

second=$(register sample:2)
aws ecs update-service --cluster $name --service $name --task-definition "$second" >/dev/null
aws ecs wait services-stable --cluster $name --services $name
is "the task definition" "$second" "$(aws ecs describe-services --cluster $name --services $name --query 'services[0].taskDefinition')"
[[ $(curl -s "http://$address:8081/") == *sample:2* ]] || { echo "the new release does not answer" >&2; exit 1; }
is "the history" "SUCCESSFUL SUCCESSFUL" "$(aws ecs list-service-deployments --cluster $name --service $name --query 'serviceDeployments[].status' | tr '\t' ' ')"

is "the family" $name "$(aws ecs list-task-definition-families --query 'families[0]')"
is "its revisions" 2 "$(aws ecs list-task-definitions --family-prefix $name --query 'length(taskDefinitionArns)')"
newest=$(aws ecs list-service-deployments --cluster $name --service $name --query 'serviceDeployments[0].serviceDeploymentArn')
revision=$(aws ecs describe-service-deployments --service-deployment-arns "$newest" --query 'serviceDeployments[0].targetServiceRevision.arn')
is "the service revision" "$second" "$(aws ecs describe-service-revisions --service-revision-arns "$revision" --query 'serviceRevisions[0].taskDefinition')"
fails_with ConflictException aws ecs stop-service-deployment --service-deployment-arn "$newest"

aws ecs update-service --cluster $name --service $name --desired-count 3 >/dev/null
aws ecs wait services-stable --cluster $name --services $name
mapfile -t tasks < <(aws ecs list-tasks --cluster $name --service-name $name --query 'taskArns[]' | tr '\t' '\n')
is "three tasks" 3 "${#tasks[@]}"
is "they run" "RUNNING RUNNING RUNNING" "$(aws ecs describe-tasks --cluster $name --tasks "${tasks[@]}" --query 'tasks[].lastStatus' | tr '\t' ' ')"
aws ecs stop-task --cluster $name --task "${tasks[0]}" --reason 'by hand' >/dev/null
aws ecs wait tasks-stopped --cluster $name --tasks "${tasks[0]}"
is "why it stopped" "by hand" "$(aws ecs describe-tasks --cluster $name --tasks "${tasks[0]}" --query 'tasks[0].stoppedReason')"
aws ecs wait services-stable --cluster $name --services $name

alone=$(aws ecs run-task --cluster $name --task-definition "$first" --launch-type FARGATE --network-configuration 'awsvpcConfiguration={subnets=[subnet-1]}' --query 'tasks[0].taskArn')
aws ecs wait tasks-running --cluster $name --tasks "$alone"
aws ecs stop-task --cluster $name --task "$alone" >/dev/null
fails_with ClusterNotFoundException aws ecs list-services --cluster nowhere
fails_with InvalidParameterException aws ecs delete-service --cluster $name --service $name
arn=$(aws ecs describe-services --cluster $name --services $name --query 'services[0].serviceArn')
aws ecs tag-resource --resource-arn "$arn" --tags key=tier,value=front
is "the service's tag" front "$(aws ecs list-tags-for-resource --resource-arn "$arn" --query 'tags[0].value')"
aws ecs untag-resource --resource-arn "$arn" --tag-keys tier
is "the service" "$arn" "$(aws ecs list-services --cluster $name --query 'serviceArns[0]')"

# And everything away again.
aws ecs delete-service --cluster $name --service $name --force >/dev/null
aws ecs wait services-inactive --cluster $name --services $name
aws ecs wait tasks-stopped --cluster $name --tasks "$alone"
aws ecs deregister-task-definition --task-definition "$first" >/dev/null
is "an inactive revision" INACTIVE "$(aws ecs describe-task-definition --task-definition "$first" --query taskDefinition.status)"
aws ecs deregister-task-definition --task-definition "$second" >/dev/null
is "deleted revisions" "DELETE_IN_PROGRESS DELETE_IN_PROGRESS" "$(aws ecs delete-task-definitions --task-definitions "$first" "$second" --query 'taskDefinitions[].status' | tr '\t' ' ')"
aws ecs delete-cluster --cluster $name >/dev/null
aws elbv2 delete-rule --rule-arn "$rule"
aws elbv2 delete-listener --listener-arn "$listener"
aws elbv2 delete-load-balancer --load-balancer-arn "$balancer"
aws elbv2 delete-target-group --target-group-arn "$group"
aws elbv2 delete-target-group --target-group-arn "$other"
fails_with LoadBalancerNotFound aws elbv2 describe-load-balancers --names $name
echo "the AWS CLI is at home"
