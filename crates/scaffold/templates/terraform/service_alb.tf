# @{title} by Tidegate: two services behind one rule, whose weights say who gets how much. The candidate runs no tasks
# between releases but those that it needs to be there at once.

locals {
  target_groups  = toset(["stable", "candidate"])
  listener_ports = [var.port]
}

resource "aws_lb_listener" "production" {
  load_balancer_arn = aws_lb.main.arn
  port              = var.port
  protocol          = local.protocol
  certificate_arn   = var.certificate_arn
  ssl_policy        = local.ssl_policy

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = "no such page"
      status_code  = "404"
    }
  }
}

resource "aws_lb_listener_rule" "production" {
  listener_arn = aws_lb_listener.production.arn
  priority     = 100

  action {
    type = "forward"

    forward {
      target_group {
        arn    = aws_lb_target_group.app["stable"].arn
        weight = 100
      }

      target_group {
        arn    = aws_lb_target_group.app["candidate"].arn
        weight = 0
      }
    }
  }

  condition {
    path_pattern {
      values = ["/*"]
    }
  }

  # Tidegate's to move.
  lifecycle {
    ignore_changes = [action]
  }
}

resource "aws_ecs_service" "app" {
  for_each = local.target_groups

  name                               = each.key == "stable" ? var.name : "${var.name}-candidate"
  cluster                            = aws_ecs_cluster.main.id
  task_definition                    = aws_ecs_task_definition.app.arn
  desired_count                      = each.key == "stable" ? var.desired_count : 0
  launch_type                        = "FARGATE"
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 60
  wait_for_steady_state              = true

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = local.subnet_ids
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = true
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.app[each.key].arn
    container_name   = local.container
    container_port   = var.container_port
  }

  # Revisions and the candidate's count are Tidegate's, the count of stable is autoscaling's.
  lifecycle {
    ignore_changes = [task_definition, desired_count]
  }

  depends_on = [aws_lb_listener_rule.production]
}
