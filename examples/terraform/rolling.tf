# Ship by rolling update: new tasks take the place of old ones a few at a time; ECS takes back a revision that does not start.

resource "aws_lb_listener" "rolling" {
  load_balancer_arn = aws_lb.main.arn
  port              = var.ports.rolling
  protocol          = local.protocol
  certificate_arn   = var.certificate_arn
  ssl_policy        = local.ssl_policy

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.app["rolling"].arn
  }
}

resource "aws_ecs_service" "rolling" {
  name                               = "${var.name}-rolling"
  cluster                            = aws_ecs_cluster.main.id
  task_definition                    = aws_ecs_task_definition.app.arn
  desired_count                      = var.desired_count
  deployment_maximum_percent         = 200
  deployment_minimum_healthy_percent = 100
  wait_for_steady_state              = true

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  alarms {
    alarm_names = [aws_cloudwatch_metric_alarm.errors["rolling"].alarm_name]
    enable      = true
    rollback    = true
  }

  network_configuration {
    subnets          = aws_subnet.public[*].id
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = true
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.app["rolling"].arn
    container_name   = local.container
    container_port   = 8080
  }

  # Autoscaling owns the count from the first day on.
  lifecycle {
    ignore_changes = [desired_count]
  }

  depends_on = [aws_lb_listener.rolling, aws_ecs_cluster_capacity_providers.main]
}
