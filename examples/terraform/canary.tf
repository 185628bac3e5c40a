# Ship to a few first: two services behind one rule, whose weights say who gets how much.

resource "aws_lb_listener" "canary" {
  load_balancer_arn = aws_lb.main.arn
  port              = var.ports.canary
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

resource "aws_lb_listener_rule" "canary" {
  listener_arn = aws_lb_listener.canary.arn
  priority     = 100

  action {
    type = "forward"

    forward {
      target_group {
        arn    = aws_lb_target_group.app["stable"].arn
        weight = 100 - var.canary_weight
      }

      target_group {
        arn    = aws_lb_target_group.app["canary"].arn
        weight = var.canary_weight
      }
    }
  }

  condition {
    path_pattern {
      values = ["/*"]
    }
  }

  # The deployer's to move.
  lifecycle {
    ignore_changes = [action]
  }
}

resource "aws_ecs_service" "canary" {
  for_each = toset(["stable", "canary"])

  name            = "${var.name}-${each.key}"
  cluster         = aws_ecs_cluster.main.id
  task_definition = aws_ecs_task_definition.app.arn
  desired_count   = each.key == "stable" ? var.desired_count : 1

  capacity_provider_strategy {
    capacity_provider = "FARGATE_SPOT"
    weight            = 1
  }

  network_configuration {
    subnets          = aws_subnet.public[*].id
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = true
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.app[each.key].arn
    container_name   = local.container
    container_port   = 8080
  }

  lifecycle {
    ignore_changes = [task_definition, desired_count]
  }

  depends_on = [aws_lb_listener_rule.canary, aws_ecs_cluster_capacity_providers.main]
}
