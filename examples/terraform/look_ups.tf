# What another configuration would use to find all this: every kind, looked up as it was made.

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

data "aws_vpc" "main" {
  id = aws_vpc.main.id
}

data "aws_subnets" "public" {
  filter {
    name   = "vpc-id"
    values = [aws_vpc.main.id]
  }

  depends_on = [aws_subnet.public]
}

data "aws_subnet" "first" {
  id = aws_subnet.public[0].id
}

data "aws_security_group" "tasks" {
  vpc_id = aws_vpc.main.id
  name   = aws_security_group.tasks.name
}

data "aws_route_table" "public" {
  subnet_id = aws_route_table_association.public[0].subnet_id
}

data "aws_internet_gateway" "main" {
  filter {
    name   = "attachment.vpc-id"
    values = [aws_internet_gateway.main.vpc_id]
  }
}

data "aws_iam_role" "execution" {
  name = aws_iam_role.execution.name
}

data "aws_iam_policy" "metrics" {
  arn = aws_iam_policy.metrics.arn
}

data "aws_cloudwatch_log_group" "app" {
  name = aws_cloudwatch_log_group.app.name
}

data "aws_ecr_repository" "app" {
  name = aws_ecr_repository.app.name
}

data "aws_ecs_cluster" "main" {
  cluster_name = aws_ecs_cluster.main.name
}

data "aws_ecs_task_definition" "app" {
  task_definition = aws_ecs_task_definition.app.family
}

data "aws_ecs_service" "rolling" {
  service_name = aws_ecs_service.rolling.name
  cluster_arn  = aws_ecs_cluster.main.arn
}

data "aws_lb" "main" {
  arn = aws_lb.main.arn
}

data "aws_lb_target_group" "blue" {
  name = aws_lb_target_group.app["blue"].name
}

data "aws_lb_listener" "canary" {
  load_balancer_arn = aws_lb.main.arn
  port              = aws_lb_listener.canary.port
}

data "aws_ssm_parameter" "greeting" {
  name = aws_ssm_parameter.greeting.name
}

data "aws_secretsmanager_secret" "database" {
  name = aws_secretsmanager_secret.database.name
}

data "aws_secretsmanager_secret_version" "database" {
  secret_id = aws_secretsmanager_secret_version.database.secret_id
}
