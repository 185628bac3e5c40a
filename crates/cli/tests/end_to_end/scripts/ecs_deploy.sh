#!/usr/bin/env bash
# ecs-deploy from PyPI, as its own documentation uses it: deploy, roll back by itself, scale, update, run, compare.
set -euo pipefail
export AWS_PAGER="" AWS_DEFAULT_OUTPUT=text
cluster=tools service=web

is() { # what, expected, found
  [ "$2" = "$3" ] || { echo "$1: expected '$2', found '$3'" >&2; exit 1; }
}
says() { # words, command…
  local words=$1 output; shift
  output=$("$@" 2>&1) || { echo "failed: $* — $output" >&2; exit 1; }
  [[ $output == *"$words"* ]] || { echo "expected '$words' of: $* — $output" >&2; exit 1; }
}
serves() { aws ecs describe-services --cluster $cluster --services $service --query "services[0].$1"; }

aws ecs create-cluster --cluster-name $cluster >/dev/null
aws ecs register-task-definition --family $service --network-mode bridge --container-definitions \
  '[{"name":"app","image":"sample:1","memory":64,"portMappings":[{"containerPort":8080,"hostPort":0}]}]' >/dev/null
aws ecs create-service --cluster $cluster --service-name $service --task-definition $service --desired-count 2 >/dev/null
aws ecs wait services-stable --cluster $cluster --services $service

says "Deployment successful" ecs deploy $cluster $service --tag 2 --timeout 120
is "the image" sample:2 "$(aws ecs describe-task-definition --task-definition "$(serves taskDefinition)" --query 'taskDefinition.containerDefinitions[0].image')"
is "the old revision" INACTIVE "$(aws ecs describe-task-definition --task-definition $service:1 --query taskDefinition.status)"

says "Changed environment \"GREETING\"" ecs deploy $cluster $service --env app GREETING hello --timeout 120
steady=$(serves taskDefinition)

# A release that cannot start: the tool waits for as long as it was told, goes back, and fails.
if output=$(ecs deploy $cluster $service --image app nowhere:1 --timeout 5 --rollback 2>&1); then
  echo "a release that cannot start was a success: $output" >&2; exit 1
fi
[[ $output == *"has been rolled back to previous task definition"* ]] || { echo "$output" >&2; exit 1; }
is "what serves after it" "$steady" "$(serves taskDefinition)"

says "Scaling successful" ecs scale $cluster $service 3 --timeout 120
is "the count" "3 3" "$(serves '[desiredCount, runningCount]' | tr '\t' ' ')"
says "Successfully created revision" ecs update $service --image app sample:3
newest=$(aws ecs list-task-definitions --family-prefix $service --sort DESC --query 'taskDefinitionArns[0]')
says "containers.app.image" ecs diff $service "${steady##*:}" "${newest##*:}"
says "Successfully started 1 instances" ecs run $cluster "${newest##*/}" 1
