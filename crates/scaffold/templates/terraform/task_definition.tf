# The first revision. Tidegate registers those that follow, so that a deployment is never an apply.

locals {
  container = "app"
}

resource "aws_cloudwatch_log_group" "app" {
  name              = "/ecs/${var.name}"
  retention_in_days = 30
}

resource "aws_ecs_task_definition" "app" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn

  container_definitions = jsonencode([{
    name         = local.container
    image        = var.image
    essential    = true
    portMappings = [{ containerPort = var.container_port, protocol = "tcp" }]

    # Longer than the load balancer's deregistration delay is not needed, shorter cuts requests off.
    stopTimeout = 30

    # Secrets come from Secrets Manager or Parameter Store, never from `environment`:
    # secrets = [{ name = "DATABASE_URL", valueFrom = aws_secretsmanager_secret.database.arn }]

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.app.name
        "awslogs-region"        = var.region
        "awslogs-stream-prefix" = local.container
      }
    }
  }])
}
