# @{title} by ECS itself: both revisions run, ECS moves the traffic of the production rule, and goes back by itself.

locals {
  target_groups  = toset(["blue", "green"])
  listener_ports = [var.port, var.test_port]
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

# ECS moves the weights of a rule, not of a listener.
resource "aws_lb_listener_rule" "production" {
  listener_arn = aws_lb_listener.production.arn
  priority     = 100

  action {
    type = "forward"

    forward {
      target_group {
        arn    = aws_lb_target_group.app["blue"].arn
        weight = 100
      }

      target_group {
        arn    = aws_lb_target_group.app["green"].arn
        weight = 0
      }
    }
  }

  condition {
    path_pattern {
      values = ["/*"]
    }
  }

  # ECS's to move.
  lifecycle {
    ignore_changes = [action]
  }
}

# Here the new revision is tried before production sees it.
resource "aws_lb_listener" "test" {
  load_balancer_arn = aws_lb.main.arn
  port              = var.test_port
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

resource "aws_lb_listener_rule" "test" {
  listener_arn = aws_lb_listener.test.arn
  priority     = 100

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.app["green"].arn
  }

  condition {
    path_pattern {
      values = ["/*"]
    }
  }

  lifecycle {
    ignore_changes = [action]
  }
}

# What ECS itself may do: move the weights of this load balancer's rules.
data "aws_iam_policy_document" "ecs_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "move_traffic" {
  statement {
    actions = [
      "elasticloadbalancing:DescribeListeners",
      "elasticloadbalancing:DescribeRules",
      "elasticloadbalancing:DescribeTargetGroups",
      "elasticloadbalancing:DescribeTargetHealth",
    ]
    resources = ["*"]
  }

  statement {
    actions   = ["elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets"]
    resources = [for group in aws_lb_target_group.app : group.arn]
  }

  statement {
    actions   = ["elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyRule"]
    resources = [aws_lb_listener.production.arn, aws_lb_listener.test.arn, aws_lb_listener_rule.production.arn, aws_lb_listener_rule.test.arn]
  }
}

resource "aws_iam_role" "move_traffic" {
  name               = "${var.name}-move-traffic"
  assume_role_policy = data.aws_iam_policy_document.ecs_trust.json
}

resource "aws_iam_role_policy" "move_traffic" {
  name   = "move-traffic"
  role   = aws_iam_role.move_traffic.id
  policy = data.aws_iam_policy_document.move_traffic.json
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

  network_configuration {
    subnets          = local.subnet_ids
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = true
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.app["blue"].arn
    container_name   = local.container
    container_port   = var.container_port
  }

  # Revisions are Tidegate's, the target group is ECS's, the count is autoscaling's.
  lifecycle {
    ignore_changes = [task_definition, load_balancer, desired_count]
  }

  depends_on = [aws_lb_listener_rule.production, aws_iam_role_policy.move_traffic]
}

# The provider has blocks for this since 6.4. From there on delete this resource, and write into the service:
#
#   deployment_configuration {
#     strategy             = "@{native}"
#     bake_time_in_minutes = 5
#   }
#
#   load_balancer {
#     …
#     advanced_configuration {
#       alternate_target_group_arn = aws_lb_target_group.app["green"].arn
#       production_listener_rule   = aws_lb_listener_rule.production.arn
#       test_listener_rule         = aws_lb_listener_rule.test.arn
#       role_arn                   = aws_iam_role.move_traffic.arn
#     }
#   }
#
# Until then the AWS CLI says it once. The numbers of the strategy are tidegate.yml's; each deployment sends them.
resource "terraform_data" "strategy" {
  triggers_replace = [aws_ecs_service.app.id, aws_lb_listener_rule.production.arn, aws_lb_listener_rule.test.arn]

  provisioner "local-exec" {
    command = "aws ecs update-service --cluster $CLUSTER --service $SERVICE --deployment-configuration $CONFIGURATION --load-balancers $LOAD_BALANCERS --query service.serviceName && aws ecs wait services-stable --cluster $CLUSTER --services $SERVICE"

    environment = {
      AWS_DEFAULT_REGION = var.region
      AWS_PAGER          = ""
      CLUSTER            = aws_ecs_cluster.main.name
      SERVICE            = aws_ecs_service.app.name

      CONFIGURATION = jsonencode({
        strategy          = "BLUE_GREEN"
        bakeTimeInMinutes = 0
      })

      LOAD_BALANCERS = jsonencode([{
        targetGroupArn = aws_lb_target_group.app["blue"].arn
        containerName  = local.container
        containerPort  = var.container_port
        advancedConfiguration = {
          alternateTargetGroupArn = aws_lb_target_group.app["green"].arn
          productionListenerRule  = aws_lb_listener_rule.production.arn
          testListenerRule        = aws_lb_listener_rule.test.arn
          roleArn                 = aws_iam_role.move_traffic.arn
        }
      }])
    }
  }
}
