#!/usr/bin/env bash
# From source to running tasks and back: build, login, push, a task definition with the digest, a deploy, another, a rollback.
#
# Needs docker, aws, tidegate, rustc and curl, and AWS_ENDPOINT_URL of a local cloud whose tasks are containers. Leaves nothing.
set -euo pipefail
cd "$(dirname "$0")"
export AWS_PAGER="" AWS_DEFAULT_OUTPUT=text
name=registry-example
service=(--cluster $name --service $name)
work=$(mktemp -d)

say() { printf '\n== %s\n' "$*"; }

is() { # what, expected, found
  [ "$2" = "$3" ] || { echo "$1: expected '$2', found '$3'" >&2; exit 1; }
  echo "$1: $3"
}

leave_nothing() {
  status=$?
  set +e
  {
    aws ecs delete-service --cluster $name --service $name --force
    for task in $(aws ecs list-tasks --cluster $name --query 'taskArns[]'); do aws ecs wait tasks-stopped --cluster $name --tasks "$task"; done
    aws ecs delete-cluster --cluster $name
    aws ecr delete-repository --repository-name $name --force
    docker logout "$registry"
    forget_images
    rm -rf "$work"
  } >/dev/null 2>&1
  exit $status
}

build() { # release
  docker build --quiet --build-arg RELEASE="$1" --tag "$uri:$1" "$work" >/dev/null
}

forget_images() { # of this machine's Docker; the registry has them
  docker images --quiet "$uri" | sort -u | xargs --no-run-if-empty docker rmi --force >/dev/null
}

digest_of() { # tag
  aws ecr describe-images --repository-name $name --image-ids imageTag="$1" --query 'imageDetails[0].imageDigest'
}

image_of_the_service() {
  local definition
  definition=$(aws ecs describe-services --cluster $name --services $name --query 'services[0].taskDefinition')
  aws ecs describe-task-definition --task-definition "$definition" --query 'taskDefinition.containerDefinitions[0].image'
}

answers() { # what the running tasks say, each answer once
  local tasks port
  tasks=$(aws ecs list-tasks --cluster $name --service-name $name --desired-status RUNNING --query 'taskArns[]')
  # shellcheck disable=SC2086 # one word for each task
  for port in $(aws ecs describe-tasks --cluster $name --tasks $tasks --query 'tasks[].containers[].networkBindings[].hostPort'); do
    curl --silent --show-error --max-time 5 --retry 10 --retry-all-errors "http://127.0.0.1:$port/"
  done | sort -u
}

say "a repository whose tags never move, and a cluster"
uri=$(aws ecr create-repository --repository-name $name --image-tag-mutability IMMUTABLE --query repository.repositoryUri)
registry=${uri%%/*}
trap leave_nothing EXIT
aws ecs create-cluster --cluster-name $name >/dev/null

say "build"
"${RUSTC:-rustc}" --edition 2021 -O -C target-feature=+crt-static -o "$work/app" app.rs
cp Dockerfile "$work"
build 1
build 2

say "login"
aws ecr get-login-password | docker login --username AWS --password-stdin "$registry"

say "push"
docker push --quiet "$uri:1"
docker push --quiet "$uri:1" # the same again is no change
docker push --quiet "$uri:2"
first=$(digest_of 1) second=$(digest_of 2)

say "another image under a tag that is taken is refused"
docker tag "$uri:2" "$uri:1"
if refused=$(docker push "$uri:1" 2>&1); then echo "it was accepted: $refused" >&2; exit 1; fi
[[ $refused == *immutable* ]] || { echo "refused, but why? $refused" >&2; exit 1; }
is "the tag's digest" "$first" "$(digest_of 1)"

say "pull, by tag and by digest"
forget_images
is "by tag" "$uri:1" "$(docker pull --quiet "$uri:1")"
is "by digest" "$uri@$second" "$(docker pull --quiet "$uri@$second")"
is "its digest" "$uri@$first" "$(docker image inspect --format '{{index .RepoDigests 0}}' "$uri:1")"
forget_images

say "the first release: a task definition with the digest, and a service"
aws ecs register-task-definition --family $name --network-mode bridge --requires-compatibilities EC2 --container-definitions \
  "[{\"name\": \"app\", \"image\": \"$uri@$first\", \"memory\": 32, \"stopTimeout\": 2, \"portMappings\": [{\"containerPort\": 8080, \"hostPort\": 0}]}]" >/dev/null
aws ecs create-service --cluster $name --service-name $name --task-definition $name --desired-count 2 --launch-type EC2 >/dev/null
tidegate wait "${service[@]}"
is "the tasks say" 1 "$(answers)"

say "the second, by its tag: what is deployed is the digest"
tidegate deploy "${service[@]}" --image "$uri:2"
is "the image" "$uri@$second" "$(image_of_the_service)"
is "the tasks say" 2 "$(answers)"

say "and back"
tidegate rollback "${service[@]}"
is "the image" "$uri@$first" "$(image_of_the_service)"
is "the tasks say" 1 "$(answers)"
