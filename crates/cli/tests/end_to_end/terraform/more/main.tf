# Kinds that the example has no use for.

variable "name" {
  type    = string
  default = "more"
}

variable "region" {
  type    = string
  default = "eu-west-1"
}

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_availability_zone" "first" {
  name = "${var.region}a"
}

data "aws_regions" "all" {}

resource "aws_vpc" "main" {
  cidr_block = "10.43.0.0/16"

  tags = { Name = var.name }

  lifecycle {
    ignore_changes = [tags]
  }
}

resource "aws_subnet" "private" {
  vpc_id            = aws_vpc.main.id
  cidr_block        = "10.43.1.0/24"
  availability_zone = data.aws_availability_zone.first.name
}

resource "aws_internet_gateway" "main" {}

resource "aws_internet_gateway_attachment" "main" {
  internet_gateway_id = aws_internet_gateway.main.id
  vpc_id              = aws_vpc.main.id
}

resource "aws_eip" "nat" {
  domain = "vpc"
}

resource "aws_nat_gateway" "main" {
  allocation_id = aws_eip.nat.id
  subnet_id     = aws_subnet.private.id

  depends_on = [aws_internet_gateway_attachment.main]
}

resource "aws_route_table" "inline" {
  vpc_id = aws_vpc.main.id

  route {
    cidr_block     = "0.0.0.0/0"
    nat_gateway_id = aws_nat_gateway.main.id
  }
}

resource "aws_main_route_table_association" "main" {
  vpc_id         = aws_vpc.main.id
  route_table_id = aws_route_table.inline.id
}

resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.main.id
}

resource "aws_security_group" "one_by_one" {
  name_prefix = "${var.name}-"
  vpc_id      = aws_vpc.main.id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_security_group_rule" "self" {
  security_group_id = aws_security_group.one_by_one.id
  type              = "ingress"
  protocol          = "-1"
  from_port         = 0
  to_port           = 0
  self              = true
}

resource "aws_security_group_rule" "world" {
  security_group_id = aws_security_group.one_by_one.id
  type              = "ingress"
  protocol          = "tcp"
  from_port         = 80
  to_port           = 80
  cidr_blocks       = ["0.0.0.0/0", "10.0.0.0/8"]
  ipv6_cidr_blocks  = ["::/0"]
}

data "aws_security_groups" "all" {
  filter {
    name   = "vpc-id"
    values = [aws_vpc.main.id]
  }

  depends_on = [aws_security_group.one_by_one]
}

data "aws_route_tables" "all" {
  vpc_id = aws_vpc.main.id

  depends_on = [aws_main_route_table_association.main]
}

data "aws_nat_gateway" "main" {
  id = aws_nat_gateway.main.id
}

data "aws_network_acls" "all" {
  vpc_id = aws_vpc.main.id
}

resource "aws_ecs_cluster" "main" {
  name = var.name
}

resource "aws_ecs_capacity_provider" "machines" {
  name = "${var.name}-machines"

  auto_scaling_group_provider {
    auto_scaling_group_arn = "arn:aws:autoscaling:${var.region}:${data.aws_caller_identity.current.account_id}:autoScalingGroup:00000000-0000-4000-8000-000000000000:autoScalingGroupName/machines"

    managed_scaling {
      status          = "ENABLED"
      target_capacity = 80
    }
  }
}

resource "aws_ecs_cluster_capacity_providers" "main" {
  cluster_name       = aws_ecs_cluster.main.name
  capacity_providers = [aws_ecs_capacity_provider.machines.name]
}

resource "aws_ecs_account_setting_default" "long_arns" {
  name  = "containerInsights"
  value = "enabled"
}

resource "aws_codedeploy_deployment_config" "canary" {
  deployment_config_name = "${var.name}-canary"
  compute_platform       = "ECS"

  traffic_routing_config {
    type = "TimeBasedCanary"

    time_based_canary {
      interval   = 5
      percentage = 20
    }
  }
}

resource "aws_ec2_tag" "team" {
  resource_id = aws_vpc.main.id
  key         = "Team"
  value       = "platform"
}
