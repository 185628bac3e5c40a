# Rolling: ECS replaces tasks a few at a time, and takes a revision back that does not start or sets its alarm off.

locals {
  target_groups  = toset(["app"])
  listener_ports = [var.port]
}

resource "aws_lb_listener" "production" {
  load_balancer_arn = aws_lb.main.arn
  port              = var.port
  protocol          = local.protocol
  certificate_arn   = var.certificate_arn
  ssl_policy        = local.ssl_policy

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.app["app"].arn
  }
}

resource "aws_ecs_service" "app" {
  name                               = var.name
  cluster                            = aws_ecs_cluster.main.id
  task_definition                    = aws_ecs_task_definition.app.arn
  desired_count                      = var.desired_count
  launch_type                        = "FARGATE"
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 60
  wait_for_steady_state              = true

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  alarms {
    alarm_names = [aws_cloudwatch_metric_alarm.errors["app"].alarm_name]
    enable      = true
    rollback    = true
  }

  network_configuration {
    subnets          = local.subnet_ids
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = true
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.app["app"].arn
    container_name   = local.container
    container_port   = var.container_port
  }

  # Revisions are Tidegate's, the count is autoscaling's.
  lifecycle {
    ignore_changes = [task_definition, desired_count]
  }

  depends_on = [aws_lb_listener.production]
}
